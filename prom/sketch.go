package prom

import (
	"hash/fnv"
	"io"
	"strings"
)

// Sketch is what may be kept of a rule's expression so that a later version can be compared with it: hashes of its canonical form
// and of its tokens, each with and without thresholds. The text can't be had back from it.
type Sketch struct {
	Form   uint64 `json:"form,omitempty"` // 0 if the text is not PromQL
	Shape  uint64 `json:"shape,omitempty"`
	Tokens uint64 `json:"tokens"`
	Frame  uint64 `json:"frame"`
}

// SketchOf returns the sketch of an expression.
func SketchOf(text string) Sketch {
	all := tokens(text)
	s := Sketch{Tokens: hashOf(texts(all)...)}
	// Texts beyond what may be parsed are compared as they are.
	if s.Frame = s.Tokens; len(all) <= maxTokens {
		s.Frame = hashOf(withoutThresholds(all)...)
	}
	if f := forms(text); f != nil {
		s.Form, s.Shape = hashOf(f[0]), hashOf(f[1])
	}
	return s
}

// Change compares the expression with a later version, as Diff does of the texts.
func (s Sketch) Change(after Sketch) Change {
	whole, frame := s.Tokens == after.Tokens, s.Frame == after.Frame
	if s.Form != 0 && after.Form != 0 {
		whole, frame = s.Form == after.Form, s.Shape == after.Shape
	}
	switch {
	case whole:
		return SameExpr
	case frame:
		return ThresholdOnly
	}
	return Different
}

func hashOf(texts ...string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, strings.Join(texts, "\x00"))
	return h.Sum64()
}
