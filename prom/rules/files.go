package rules

import (
	"container/list"
	"errors"
)

// files reads and parses versions of files, and keeps those read lately: the new version of one commit is the old
// version of the next that changes the file.
type files struct {
	objects *objects
	byBlob  map[string]*list.Element
	used    list.List // of *kept, the latest in front
	size    int
}

type kept struct {
	blob string
	file *file
	size int
}

// keptBytes bounds the sum of the sizes of the versions kept, before parsing.
const keptBytes = 32 << 20

func newFiles(o *objects) *files {
	return &files{objects: o, byBlob: map[string]*list.Element{}}
}

// get returns what the blob says; an empty name is a file that does not exist.
func (f *files) get(blob string) (*file, error) {
	if blob == "" {
		return &file{}, nil
	}
	if e := f.byBlob[blob]; e != nil {
		f.used.MoveToFront(e)
		return e.Value.(*kept).file, nil
	}
	data, err := f.objects.blob(blob)
	parsed := &file{}
	switch {
	case errors.Is(err, errTooLarge):
		parsed.unreadable = &problem{0, err.Error()}
	case err != nil:
		return nil, err
	default:
		parsed = parseFile(data)
	}
	k := &kept{blob, parsed, len(data) + 1<<10}
	f.byBlob[blob] = f.used.PushFront(k)
	f.size += k.size
	for f.size > keptBytes && f.used.Len() > 1 {
		last := f.used.Remove(f.used.Back()).(*kept)
		delete(f.byBlob, last.blob)
		f.size -= last.size
	}
	return parsed, nil
}
