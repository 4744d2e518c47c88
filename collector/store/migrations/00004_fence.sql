-- Several collectors, side by side and after each other.

-- +goose Up

-- The fence against two collectors that read the same: a commit names the versions that it saw when it read the cursors, and other
-- ones refuse it. Versions are compared, never clocks.
CREATE TABLE fence (
    source  TEXT NOT NULL,
    slice   INTEGER NOT NULL,           -- -1 for what is read as a whole, else the number that files share by their identity
    version INTEGER NOT NULL,           -- counts commits
    token   TEXT NOT NULL,              -- of the last commit: tells a collector whose connection was cut whether it took place
    PRIMARY KEY (source, slice)
);

-- Work that one process does at a time: a shard of a collection, forgetting, exporting. Whether a holder lives is told by its beats,
-- which others watch for a while on their own clock.
CREATE TABLE lease (
    name   TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,               -- random; empty while nobody holds it
    term   INTEGER NOT NULL,            -- counts holders
    beat   INTEGER NOT NULL             -- counts the holder's signs of life
);

-- How the last attempt to read a source, or a shard's part of it, ended.
CREATE TABLE attempt (
    source       TEXT NOT NULL,
    shard        TEXT NOT NULL,         -- "2/4"; empty for all of it
    up           BOOLEAN NOT NULL,
    error        TEXT NOT NULL,
    note         TEXT NOT NULL,
    last_success INTEGER NOT NULL,      -- nanoseconds since 1970; 0 for never
    PRIMARY KEY (source, shard)
);

-- How often actors were forgotten: whoever knows actors by their ids must look them up again.
INSERT INTO meta (key, value) VALUES ('forgotten', '0');

INSERT INTO attempt (source, shard, up, error, note, last_success) SELECT name, '', up, error, note, last_success FROM source;
ALTER TABLE source DROP COLUMN version;
ALTER TABLE source DROP COLUMN up;
ALTER TABLE source DROP COLUMN error;
ALTER TABLE source DROP COLUMN note;
ALTER TABLE source DROP COLUMN last_success;

-- +goose Down
ALTER TABLE source ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE source ADD COLUMN up BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE source ADD COLUMN error TEXT NOT NULL DEFAULT '';
ALTER TABLE source ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE source ADD COLUMN last_success INTEGER NOT NULL DEFAULT 0;
DELETE FROM meta WHERE key = 'forgotten';
DROP TABLE attempt;
DROP TABLE lease;
DROP TABLE fence;
