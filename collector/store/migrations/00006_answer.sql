-- +goose Up

-- The last assessment with a digest of all that it rests on: asked again, it is read and not made again. Only a help: whatever is
-- missing here is made from the days. It names nobody, and what it counts of people is what a report shows.
CREATE TABLE answer (
    name   TEXT NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL,
    answer BLOB NOT NULL
);

-- +goose Down
DROP TABLE answer;
