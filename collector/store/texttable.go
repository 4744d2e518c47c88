package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"slices"

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

// textSize is that of a text in a block: digest, fingerprint, the length of the variant, and that.
const textSize = 16 + 8 + 1 + 4

// TextBlock is texts in little memory: records of textSize bytes, in order of their digests, each once.
type TextBlock []byte

// NewTextBlock returns texts as a block. One whose fingerprint is not written as those of queries are is left out.
func NewTextBlock(texts []Text) TextBlock {
	b := make([]byte, 0, textSize*len(texts))
	for i := range texts {
		b = texts[i].append(b)
	}
	return sortTexts(b)
}

// sortTexts brings the records of blocks, one behind the other, into order.
func sortTexts(b []byte) TextBlock {
	n := len(b) / textSize
	records := make([][textSize]byte, n)
	sorted := true
	for i := range records {
		records[i] = [textSize]byte(b[i*textSize:])
		sorted = sorted && (i == 0 || compareTexts(records[i-1], records[i]) < 0)
	}
	if sorted {
		return b[: n*textSize : n*textSize]
	}
	slices.SortStableFunc(records, compareTexts)
	records = slices.CompactFunc(records, func(a, b [textSize]byte) bool { return compareTexts(a, b) == 0 })
	b = b[:0]
	for i := range records {
		b = append(b, records[i][:]...)
	}
	return b
}

// compareTexts orders texts by their digests.
func compareTexts(a, b [textSize]byte) int { return bytes.Compare(a[:16], b[:16]) }

// Len is how many texts the block has.
func (b TextBlock) Len() int { return len(b) / textSize }

// Find returns the text of a digest. Digests are as good as chance, so that where one stands can be told from its first bytes.
func (b TextBlock) Find(digest activity.Digest) (Text, bool) {
	low, high := 0, b.Len()
	guess, _ := bits.Mul64(binary.BigEndian.Uint64(digest[:8]), uint64(high))
	for step, at := 1, int(guess); low < high; {
		record := b[at*textSize:][:textSize]
		switch c := bytes.Compare(digest[:], record[:16]); {
		case c == 0:
			return textOf(record), true
		case c < 0:
			high = at
			at -= step
		default:
			low = at + 1
			at += step
		}
		step *= 2
		if at < low || at >= high {
			at = int(uint(low+high) >> 1)
		}
	}
	return Text{}, false
}

// Merge returns a block of the texts of both.
func (b TextBlock) Merge(other TextBlock) TextBlock { return sortTexts(slices.Concat(b, other)) }

func textOf(record []byte) Text {
	t := Text{Digest: activity.Digest(record[:16]), Fingerprint: hex.EncodeToString(record[16:24])}
	if record[24] != 0 {
		t.Variant = hex.EncodeToString(record[25:29])
	}
	return t
}

// Texts returns all texts known under profile, unless they are more than most: then it is false. What is known under another profile
// is of no use any more.
func (s *Store) Texts(ctx context.Context, profile string, most int) (blocks []TextBlock, all bool, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		blocks = nil
		var size int64
		if err := tx.QueryRowContext(ctx, "SELECT coalesce(sum(length(block)), 0) FROM text WHERE profile = $1", profile).Scan(&size); err != nil {
			return err
		}
		if all = size <= int64(most)*textSize; !all {
			return nil
		}
		return eachTexts(ctx, tx, profile, func(b TextBlock) { blocks = append(blocks, b) })
	})
	return blocks, all, err
}

// FindTexts returns those of digests that are known under profile. It reads all that is known: ask for many at once.
func (s *Store) FindTexts(ctx context.Context, profile string, digests []activity.Digest) (map[activity.Digest]Text, error) {
	var found map[activity.Digest]Text
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		found = map[activity.Digest]Text{}
		return eachTexts(ctx, tx, profile, func(b TextBlock) {
			for _, d := range digests {
				if t, ok := b.Find(d); ok {
					found[d] = t
				}
			}
		})
	})
	return found, err
}

func eachTexts(ctx context.Context, tx *sql.Tx, profile string, yield func(TextBlock)) error {
	return each(ctx, tx, func(r *sql.Rows) error {
		var block []byte
		err := r.Scan(&block)
		if err == nil {
			yield(sortTexts(block)) // older versions wrote them as they came
		}
		return err
	}, "SELECT block FROM text WHERE profile = $1", profile)
}

// addTexts keeps texts known under profile, as a block, and forgets the others'.
func addTexts(ctx context.Context, tx *sql.Tx, d *dialect, profile string, texts []Text) error {
	added := NewTextBlock(texts)
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
		added = sortTexts(append(block, added...))
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO text (profile, block) VALUES ($1, $2)", profile, []byte(added)); err != nil {
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

// append writes t as a record.
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
