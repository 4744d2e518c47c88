-- An actor's hashes stand with the actor. Each in a row of its own, with an index to find it by, took most of the time and room of a
-- log with many client addresses, of which each has 26 or 98; whoever asks for some of them reads all actors instead.

-- +goose Up

-- The hashes by which an owner rule may find the actor, of 16 bytes each, one behind the other: a login; a git author's name, e-mail
-- and its local part; every prefix of an address.
ALTER TABLE actor ADD COLUMN digests BLOB;
UPDATE actor SET digests = (SELECT unhex(group_concat(hex(digest), '')) FROM actor_digest WHERE actor_digest.actor = actor.id);
DROP TABLE actor_digest;
INSERT INTO meta (key, value) SELECT 'scrub', 'due' WHERE EXISTS (SELECT 1 FROM actor);

-- +goose Down
DELETE FROM meta WHERE key = 'scrub';
CREATE TABLE actor_digest (
    digest BLOB NOT NULL,
    actor  INTEGER NOT NULL,
    PRIMARY KEY (digest, actor)
) WITHOUT ROWID;
INSERT INTO actor_digest (digest, actor)
WITH RECURSIVE place (actor, at) AS (
    SELECT id, 1 FROM actor WHERE length(digests) > 0
    UNION ALL
    SELECT place.actor, place.at + 16 FROM place JOIN actor ON actor.id = place.actor WHERE place.at + 16 < length(actor.digests)
)
SELECT DISTINCT substr(actor.digests, place.at, 16), place.actor FROM place JOIN actor ON actor.id = place.actor;
CREATE INDEX actor_digest_actor ON actor_digest (actor);
ALTER TABLE actor DROP COLUMN digests;
