package collector

import "runtime"

// What things take in memory, about, in bytes: measured, and rounded up.
const (
	rowBytes        = 160 // a row of days with its place in the index, and what sorting takes
	partBytes       = 48
	actBytes        = 48  // an act that waits to be counted, and what sorting takes
	queryBytes      = 700 // what is kept of a query
	questionBytes   = 600 // what is kept of a query whose text is new, beside the text
	answerBytes     = 250 // a text that no glance remembers, with its answer
	actorBytes      = 400
	dashboardBytes  = 600
	rememberedBytes = 256 // what a glance showed, with its name
	textBytes       = 96  // a text of which the answer is known, while texts are merged

	// fixedBytes is taken whatever is read: the program, its buffers and decoders, its database.
	fixedBytes = 44 << 20
)

// MinMemory is the least memory that a run can be held to.
const MinMemory = 64 << 20

// budget is how much is held in memory. More is not lost: it is committed sooner, or looked up again.
type budget struct {
	batch      int64 // bytes of what one source read between two commits
	listed     int   // acts of a folder that wait to be counted
	remembered int   // things that a folder remembers between commits, of each sort
	answers    int   // texts that a folder remembers between commits if no glance does
	texts      int   // texts of which the answer is known without asking the store, of all sources
}

// budget divides what the configuration allows among the sources that are read at once.
func (c *Config) budget() budget {
	b := budget{batch: 8 << 20, remembered: 1 << 17, answers: 1 << 14, texts: 1 << 20}
	b.listed = int(b.batch / 8 / actBytes)
	if c.Memory <= 0 {
		return b
	}
	free := max(c.Memory-fixedBytes, 8<<20)
	procs := runtime.GOMAXPROCS(0)
	share := free / int64(2*max(1, min(len(c.Sources), procs))) // the other half is the garbage collector's
	each := share / int64(procs)                                // of a folder: so many files of a source are read side by side
	b.batch = min(b.batch, share/2)
	b.listed = int(b.batch / 8 / actBytes)
	b.remembered = min(b.remembered, max(1<<10, int(each/4/rememberedBytes)))
	b.answers = min(b.answers, max(1<<8, int(each/8/answerBytes)))
	b.texts = min(b.texts, int(free/8/textBytes))
	return b
}

// size is about how much memory the batch takes, in bytes.
func (b *batch) size() int64 {
	return rowBytes*int64(b.days.Len()) + partBytes*int64(len(b.parts)) + actBytes*int64(len(b.acts)) + queryBytes*int64(len(b.asked)) + b.questions.bytes + actorBytes*int64(len(b.fresh)) +
		dashboardBytes*int64(len(b.facts.Dashboards))
}
