// Package lines turns log files into lines and a place to go on from. It is the transport: it knows bytes,
// rotation, compression and the wrapping that container runtimes put around a line, and nothing of what a line says.
//
// # What makes a file the same file
//
// A file is known by its content, never by its name or inode: by a hash of its first bytes (up to 1 KiB,
// decompressed; as far as they were read) and a hash of the bytes just before the cursor. Both are claims about what
// was read, so bytes not yet read can't change whose file it is. From this follows what rotation does:
//
//   - renamed, copied, compressed, decompressed: the same content, which goes on at the cursor;
//   - truncated after a copy (copytruncate): the copy goes on, what is written now is new content;
//   - the same content under several names (.1 and .1.gz, a copy under way): a file that is the beginning of another
//     one is not read, the longest is. When they part later, each is what its own content says;
//   - equal cursor, different continuation: below 1 KiB one of them goes on and the other one is new, because two
//     young files can have the same first lines; from 1 KiB on (which holds times) both are the one that was read;
//   - the head is the same, but the cursor's bytes are not, or the file ends before it: edited in place. It is
//     reported, and reading goes on at the present end, because nothing else could be known to be unread. A file that
//     was read for less than 1 KiB is known as edited by its first line, if this holds a time and no other file
//     continues what was read. A file that holds less than what was read, and has no such line, is new;
//   - empty files have no identity yet.
//
// A compressed file that was read to its end is remembered with size and time, and not decompressed again. What
// can't be recognised is a file whose beginning was cut off in place: it is new content.
//
// # What the cursor is
//
// A [Position] is an offset into the decompressed content, always behind a line that was handed out whole. Lines that
// a container runtime split are joined; stdout and stderr interleave, so when a line of one stream is complete, the
// other may hold an unfinished one. Then Behind says how far back the earliest unfinished piece is: reading starts
// there again, and what is complete before Offset is not handed out a second time. A position depends on the content
// and on the number of lines read, not on buffers or batches.
//
// # What ends a line
//
// A newline. In a file that may still be written to, the last half line waits for its newline. In a compressed file
// and a rotated one the end of the file ends the last line. Plain files count as rotated if their name is that of
// another one with a number, a date or ".old" added, and that other file holds something and was written to no earlier:
// the writer has moved on. Until then the half line waits, so nothing is lost by doubt. Should bytes still be
// appended to such a file, the rest of the line is reported as malformed, and the lines behind it are read.
//
// A compressed file that breaks off gives its whole lines, then one Malformed; when it is whole later, reading goes
// on behind the lines that were handed out.
package lines
