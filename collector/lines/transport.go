package lines

import (
	"context"
	"fmt"
	"time"
)

// Tail is one stream of lines that does not come from files: of a query to Loki, of a container. It is used by one goroutine.
//
// Exactly once is the Tail's own work: after a kill it is opened with the cursor that was saved last, and must give every item
// that came after that one, and none that came before. Where the server can only be asked by time, a Tail reads a
// stretch again and leaves out what it gave already, known by keyed hashes that are part of its cursor.
type Tail interface {
	// Name is what messages call the stream, and the name under which its cursor is saved. It holds nothing that is for no log.
	Name() string
	// Next returns what comes next, valid until the next call. The error io.EOF, itself and not wrapped, is the end of what there is now; a *Malformed is
	// one line that can't be read; any other one ends the stream for this run, in which everything before it counts.
	Next(ctx context.Context) (Item, error)
	// Cursor is where to go on behind everything that Next returned. It holds no text of a line. Empty: the cursor is no longer
	// needed, as that of a container that is gone.
	Cursor() ([]byte, error)
	// Close ends the stream. It is safe to call more than once.
	Close() error
}

// Item is one thing that a Tail gives: a line, a tally or a gap.
type Item struct {
	Text  []byte // a line without its newline and without the wrapping of a container runtime
	Time  time.Time
	Tally int64 // above 0: so many lines of the kind that is counted and not sent, at Time; see Filter
	Gap   *Gap
}

// Gap is a time of which lines are missing for good, or may be. Its days are no longer taken for covered.
type Gap struct {
	From, To time.Time // To is exclusive
	Why      string    // a sentence, and a hint where there is something to do; never anything of a line
}

// Resume is what is known when a source is opened.
type Resume struct {
	Now     time.Time
	Cursors map[string][]byte        // saved earlier for this source, by name; those of other transports may be among them
	Digest  func(line []byte) uint64 // keyed, the same in each run: to know a line again without keeping it
	// Since, if set, says that nothing older is of interest, whatever was saved: a sample is taken.
	Since time.Time
}

// Filter says which lines of a log matter, for a transport that lets the server look. The parser behind it reads whatever
// comes: a transport may ignore it, except that lines of Tally are either sent or counted, never both.
type Filter struct {
	Contains string // the text that every line which matters has
	// Tally, if set, is a text that lines which need only be counted have, while they lack Contains.
	Tally string
}

// BadCursor is the error of a position that came back from a store and was never saved to it.
func BadCursor(name string) error {
	return fmt.Errorf("the stored position of %s can't be read: nothing is read, and nothing is lost\nhint: the store is damaged, or was written by a newer version: use that, restore a backup, or fill a new store from the sources", name)
}
