package connectors

import "strings"

// clues are the beginnings without which neither pattern of Redact matches, by their
// first byte in lower case. Looking for them first makes Redact fifty times faster on
// text that hides nothing, which nearly all text is.
var clues = [256][]string{
	'a': {"auth", "api", "akia", "asia"},
	'c': {"cookie"},
	't': {"token"},
	'p': {"pass", "pwd"},
	's': {"secret", "session"},
	'g': {"gh", "github_pat_", "glpat-"},
	'x': {"xox"},
	'e': {"ey"},
	'-': {"-----begin"},
}

// mayLeak reports whether Redact has to look at the text.
func mayLeak(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		for _, clue := range clues[c] {
			if foldPrefix(text[i:], clue) && (len(clue) > 2 || tokenAt(text, i)) {
				return true
			}
		}
		// the long s and the Kelvin sign are an s and a k to a pattern that ignores case
		if c == 0xC5 && strings.HasPrefix(text[i:], "\u017F") || c == 0xE2 && strings.HasPrefix(text[i:], "\u212A") {
			return true
		}
	}
	return false
}

// foldPrefix is strings.HasPrefix for a clue in lower case, over ASCII.
func foldPrefix(text, clue string) bool {
	if len(text) < len(clue) {
		return false
	}
	for i := range len(clue) {
		c := text[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != clue[i] {
			return false
		}
	}
	return true
}

// tokenAt reports whether the short clue at i begins a word of its own that is long
// enough for a token, not the end of "they" or the middle of "high".
func tokenAt(text string, i int) bool {
	const shortest = 10
	if i > 0 && wordByte(text[i-1]) || len(text)-i < shortest {
		return false
	}
	for _, c := range []byte(text[i : i+shortest]) {
		if !wordByte(c) && c != '-' {
			return false
		}
	}
	return true
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
