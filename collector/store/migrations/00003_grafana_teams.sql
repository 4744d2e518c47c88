-- Who is in which team of a Grafana, as its API told: nobody is named.

-- +goose Up

-- When the teams of an organisation were last read.
CREATE TABLE team_snapshot (
    source TEXT NOT NULL,
    scope  TEXT NOT NULL,               -- "org:1"
    date   INTEGER NOT NULL,
    PRIMARY KEY (source, scope)
);

-- The names of teams: a rename keeps the members.
CREATE TABLE team (
    source TEXT NOT NULL,
    scope  TEXT NOT NULL,
    id     TEXT NOT NULL,               -- Grafana's own
    name   TEXT NOT NULL,
    PRIMARY KEY (source, scope, id)
);

-- From when until when somebody was seen in a team. Rows go when the last day is older than the retention of actors.
CREATE TABLE team_member (
    source  TEXT NOT NULL,
    scope   TEXT NOT NULL,
    team    TEXT NOT NULL,              -- id
    person  BLOB NOT NULL,              -- keyed hash of the login
    first   INTEGER NOT NULL,           -- first day seen; 0 if in the first snapshot already
    last    INTEGER NOT NULL,           -- last day seen; that of the snapshot if still there
    digests BLOB NOT NULL,              -- the keyed hashes, of 16 bytes each, by which owner rules match the person
    PRIMARY KEY (source, scope, team, person, first)
);

-- +goose Down
DROP TABLE team_member;
DROP TABLE team;
DROP TABLE team_snapshot;
