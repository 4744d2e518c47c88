package store

import (
	"context"
	"database/sql"
	"encoding/hex"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// maxTexts bounds the texts that are known again: of more, the oldest are forgotten, and parsed once more should they come back.
const maxTexts = 1 << 20

// Text is a query's text that was parsed before: its keyed hash, and which query it was.
type Text struct {
	Digest      activity.Digest
	Fingerprint string
	Variant     string
}

// textSize is that of a text in a block: digest, fingerprint, whether there is a variant, and that.
const textSize = 16 + 8 + 1 + 4

// Texts calls yield with each text known under profile. What is known under another one is of no use any more.
func (s *Store) Texts(ctx context.Context, profile string, yield func(Text)) error {
	return s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return each(ctx, tx, func(r *sql.Rows) error {
			var block []byte
			if err := r.Scan(&block); err != nil {
				return err
			}
			for ; len(block) >= textSize; block = block[textSize:] {
				t := Text{Digest: activity.Digest(block[:16]), Fingerprint: hex.EncodeToString(block[16:24])}
				if block[24] != 0 {
					t.Variant = hex.EncodeToString(block[25:29])
				}
				yield(t)
			}
			return nil
		}, "SELECT block FROM text WHERE profile = $1", profile)
	})
}

// addTexts keeps texts known under profile, as a block, and forgets the others'.
func addTexts(ctx context.Context, tx *sql.Tx, d *dialect, profile string, texts []Text) error {
	var added []byte
	for _, t := range texts {
		added = t.append(added)
	}
	if len(added) == 0 {
		return nil
	}
	if err := dropTexts(ctx, tx, d, "profile <> $1", profile); err != nil {
		return err
	}
	blocks := blockTable{tx, d, "text", "length(block)", " WHERE profile = $1", []any{profile}}
	for {
		block, err := blocks.takeSmall(ctx, min(int64(len(added)), maxMerged*textSize))
		if err != nil {
			return err
		}
		if block == nil {
			break
		}
		added = append(block, added...)
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO text (profile, block) VALUES ($1, $2)", profile, added); err != nil {
		return err
	}
	return dropTexts(ctx, tx, d, `part IN (
		SELECT part FROM (SELECT part, sum(length(block)) OVER (ORDER BY part DESC) AS newer FROM text) AS sized WHERE newer > $1)`, maxTexts*textSize)
}

// dropTexts forgets texts, except those that another collector is writing anew or forgets as well.
func dropTexts(ctx context.Context, tx *sql.Tx, d *dialect, which string, arg any) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM text WHERE part IN (SELECT part FROM text WHERE "+which+" ORDER BY part"+d.free+")", arg)
	return err
}

// append writes t to a block. A fingerprint that is not written as those of queries are is left out.
func (t Text) append(to []byte) []byte {
	fingerprint, err := hex.DecodeString(t.Fingerprint)
	variant, err2 := hex.DecodeString(t.Variant)
	if err != nil || err2 != nil || len(fingerprint) != 8 || (len(variant) != 4 && len(variant) != 0) {
		return to
	}
	to = append(to, t.Digest[:]...)
	to = append(to, fingerprint...)
	to = append(to, byte(len(variant)))
	to = append(to, variant...)
	return append(to, make([]byte, 4-len(variant))...)
}
