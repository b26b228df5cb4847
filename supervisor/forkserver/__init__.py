"""A warm interpreter: it has imported what `run` and `exec` need, and forks for each of them.

As Mercurial's chg does it for hg. It lives beside the supervisor of the containers of `run -d`;
where there is none, or where the caller is not as it is itself, commands import for themselves.

    client   says what it is to do, gives its descriptors, and asks whether that is to be
    server   forks; the fork takes over what the client is and has, and waits for the word
    client   says the word, passes signals on, and ends as the fork ends

The fork lives no longer than its client: it has the kernel kill it when the other end of the
connection is closed. Until the word has been said nothing has been done, so a client that was
refused, or waited too long, does the work itself.
"""
