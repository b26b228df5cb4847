"""What a container may not do: capabilities, system calls, paths and sysctls."""
