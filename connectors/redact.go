package connectors

import "strings"

// named are the beginnings of the names that secretish looks for, by their first byte in
// lower case; bare are those of the tokens that known does. Without one of them neither
// matches, and looking for them first makes Redact fifty times faster on text that hides
// nothing, which nearly all text is.
var (
	named = [256][]string{
		'a': {"auth", "api"},
		'c': {"cookie"},
		't': {"token"},
		'p': {"pass", "pwd"},
		's': {"secret", "session"},
	}
	bare = [256][]string{
		'a': {"akia", "asia"},
		'g': {"gh", "github_pat_", "glpat-"},
		'x': {"xox"},
		'e': {"ey"},
		'-': {"-----begin"},
	}
)

// suspect is where Redact has to begin to look at the text, -1 if nowhere.
func suspect(text string) int {
	for i := range len(text) {
		c := text[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		for _, clue := range named[c] {
			if foldPrefix(text[i:], clue) && assigned(text[i:]) {
				return wordStart(text, i)
			}
		}
		for _, clue := range bare[c] {
			if foldPrefix(text[i:], clue) && (len(clue) > 2 || tokenAt(text, i)) {
				return wordStart(text, i)
			}
		}
		// the long s and the Kelvin sign are an s and a k to a pattern that ignores case
		if c == 0xC5 && strings.HasPrefix(text[i:], "\u017F") || c == 0xE2 && strings.HasPrefix(text[i:], "\u212A") {
			return 0
		}
	}
	return -1
}

// assigned reports whether the name that text begins with is followed by a colon or an
// equals sign, as secretish wants it: "the password is checked" gives nothing away.
func assigned(text string) bool {
	const longest = 32 // of a name: a longer word is none
	i := 0
	for i < len(text) && i <= longest && (wordByte(text[i]) || text[i] == '-') {
		i++
	}
	if i < len(text) && (text[i] == '"' || text[i] == '\'') {
		i++
	}
	for i < len(text) && strings.IndexByte("\t\n\f\r ", text[i]) >= 0 {
		i++
	}
	// what is not ASCII may be a letter of the name after all
	return i < len(text) && (text[i] == ':' || text[i] == '=' || text[i] >= 0x80)
}

// wordStart is where the run of letters, digits, and dashes begins in which i stands.
func wordStart(text string, i int) int {
	for i > 0 && (wordByte(text[i-1]) || text[i-1] == '-') {
		i--
	}
	return i
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
