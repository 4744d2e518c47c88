package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// plainWriter lets through what text is made of, whoever wrote it: anybody who can send a Grafana a request, or save a dashboard,
// names things that are shown here. What would steer a terminal, or show text in another order than it is written in, becomes U+FFFD.
type plainWriter struct {
	w    io.Writer
	json bool   // it becomes an escape of JSON instead, which says the same
	rest []byte // the beginning of a character whose end is still to come
}

// Write writes text; newlines and tabs are the caller's own.
func (p *plainWriter) Write(text []byte) (int, error) {
	if len(p.rest) == 0 && plainASCII(text) {
		return p.w.Write(text)
	}
	whole := slices.Concat(p.rest, text)
	cut := len(whole)
	for i := max(0, cut-utf8.UTFMax+1); i < cut; i++ {
		if utf8.RuneStart(whole[i]) && !utf8.FullRune(whole[i:]) {
			cut = i
			break
		}
	}
	p.rest = append([]byte(nil), whole[cut:]...)
	if _, err := io.WriteString(p.w, p.made(string(whole[:cut]))); err != nil {
		return 0, err
	}
	return len(text), nil
}

func plainASCII(text []byte) bool {
	for _, b := range text {
		if (b < ' ' && b != '\n' && b != '\t') || b >= 0x7f {
			return false
		}
	}
	return true
}

func (p *plainWriter) made(text string) string {
	if !p.json {
		return printable(text)
	}
	var b strings.Builder
	for _, r := range text { // what is no UTF-8 comes as U+FFFD
		if r == '\n' || r == '\t' || !steers(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// printable is what a plainWriter makes of text.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && steers(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// steers reports whether r does something to the text around it, or is one of the characters that nobody sees.
func steers(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\ufeff', r == '\u200b', r == '\u2060':
		return true
	case r == '\u061c', r == '\u200e', r == '\u200f', '\u202a' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069':
		return true
	}
	return 0xe0000 <= r && r <= 0xe007f // tags: text that is not shown
}
