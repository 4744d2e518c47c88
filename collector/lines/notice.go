package lines

import "fmt"

// NoticeKind is a sort of trouble with a file as a whole.
type NoticeKind string

// The kinds of notices.
const (
	NoticeNoMatch     NoticeKind = "no_match"    // a pattern matched no file; Path is the pattern
	NoticeUnreadable  NoticeKind = "unreadable"  // permission, or an error of the file system
	NoticeVanished    NoticeKind = "vanished"    // matched, and gone before it was opened
	NoticeNotAFile    NoticeKind = "not_a_file"  // a directory, socket, device
	NoticeUnsupported NoticeKind = "unsupported" // compressed in a way that is not read
	NoticeEdited      NoticeKind = "edited"      // the bytes before the cursor are others than those that were read
	NoticeShorter     NoticeKind = "shorter"     // the file ends before the cursor
	NoticeBroken      NoticeKind = "broken"      // a compressed file breaks off or is damaged
)

// Notice is something about a file that its reader should know: lines may be missing from here.
type Notice struct {
	Kind NoticeKind
	Path string
	Why  string // a sentence, with what to do about it where there is something
	From int64  // decompressed offset from which on lines may be missing
}

// LosesLines tells whether lines may be missing for good, so that the time covered is in doubt. The other notices
// are about files that can still be read in a later run, or that there never were.
func (n Notice) LosesLines() bool {
	return n.Kind == NoticeEdited || n.Kind == NoticeShorter || n.Kind == NoticeBroken
}

func (n Notice) String() string { return n.Path + ": " + n.Why }

// Malformed is a line that can't be read. The lines after it can.
type Malformed struct {
	Path   string
	Offset int64 // decompressed offset at which the line begins
	Why    string
}

func (m *Malformed) Error() string { return fmt.Sprintf("%s: offset %d: %s", m.Path, m.Offset, m.Why) }
