package lines

import "io"

const (
	// aheadBlock is how much is decompressed at once while what came before is read. Handing over fewer bytes costs more than it saves.
	aheadBlock = 512 << 10
	// aheadBlocks is how many of them there are: one to be filled and one to be read.
	aheadBlocks = 2
	// aheadLeast is how much there must be, about, for that to gain anything: what was read ahead of a file that is closed again is lost.
	aheadLeast = 16 * aheadBlock
)

// ahead reads in a goroutine of its own, some blocks before they are asked for, so that decompressing and looking at lines take place at once.
type ahead struct {
	filled chan filledBlock
	free   chan []byte
	stop   chan struct{}

	block filledBlock
	at    int // what was read of block
}

// filledBlock is what was read of the source, and the error after it.
type filledBlock struct {
	data []byte
	err  error
}

// readAhead begins to read from r, which is nobody else's until close returns.
func readAhead(r io.Reader) *ahead {
	a := &ahead{filled: make(chan filledBlock, aheadBlocks), free: make(chan []byte, aheadBlocks), stop: make(chan struct{})}
	for range aheadBlocks {
		a.free <- nil
	}
	go a.fill(r)
	return a
}

// fill fills blocks until r ends or fails.
func (a *ahead) fill(r io.Reader) {
	defer close(a.filled)
	for {
		var block []byte
		select {
		case <-a.stop:
			return
		case block = <-a.free:
		}
		if block == nil {
			block = make([]byte, aheadBlock)
		}
		var n, more int
		var err error
		for n < len(block) && err == nil {
			more, err = readSome(r, block[n:])
			n += more
		}
		a.filled <- filledBlock{block[:n], err} // there is room for all blocks
		if err != nil {
			return
		}
	}
}

// Read gives what was read of the source, and its error when all of that was given.
func (a *ahead) Read(p []byte) (int, error) {
	for a.at == len(a.block.data) {
		if a.block.err != nil {
			return 0, a.block.err
		}
		if cap(a.block.data) > 0 {
			a.free <- a.block.data[:cap(a.block.data)]
		}
		a.block, a.at = <-a.filled, 0
	}
	n := copy(p, a.block.data[a.at:])
	a.at += n
	return n, nil
}

// close waits until the source is read no more.
func (a *ahead) close() {
	close(a.stop)
	for range a.filled {
	}
}
