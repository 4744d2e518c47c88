-- +goose Up

-- What exports keep of themselves from one run to the next: the series that a remote-write receiver has (those which are no more
-- get a staleness marker), the groups of a Pushgateway (those under a former key are deleted).
CREATE TABLE export (
    name  TEXT NOT NULL PRIMARY KEY,
    state BLOB NOT NULL
);

-- +goose Down
DROP TABLE export;
