"""The tables of the state database."""

from __future__ import annotations

VERSION = 2

SCHEMA = """
CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    file TEXT NOT NULL,
    project TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started REAL NOT NULL,
    ended REAL
);
CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session INTEGER NOT NULL REFERENCES session(id),
    job TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    detail TEXT NOT NULL DEFAULT '',
    exit_code INTEGER,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    retry_at REAL,
    pauses INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX run_by_job ON run(job, id);
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    container TEXT NOT NULL UNIQUE,
    boot TEXT NOT NULL,
    pid INTEGER,
    health TEXT,
    stop_cause TEXT,
    stop_begun REAL,
    reason TEXT,
    detail TEXT NOT NULL DEFAULT '',
    exit_code INTEGER,
    signal INTEGER,
    started REAL NOT NULL,
    ended REAL,
    elapsed REAL,
    memory_peak INTEGER,
    cpu_seconds REAL,
    io_read INTEGER,
    io_write INTEGER,
    oom_kills INTEGER,
    UNIQUE (run, number)
);
CREATE INDEX attempt_by_run ON attempt(run, number);
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    kind TEXT NOT NULL,
    run INTEGER REFERENCES run(id) ON DELETE CASCADE,
    attempt INTEGER,
    detail TEXT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX event_by_run ON event(run);
"""
