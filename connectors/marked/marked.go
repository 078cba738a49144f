// Package marked keeps our own block inside a text that people edit too: an issue's body at
// a vendor whose issues have no property store. The block is found by the marker that it
// begins and ends with, everything outside of it is left to the last byte, and its end
// carries, unseen, what we last wrote into the fields.
//
// What the block carries is written by us and can be edited by everybody. It has a checksum,
// so that an edit is noticed; it is no signature, and needs none: whoever could forge it
// could as well edit the fields that it speaks of. See docs/adr/074.
package marked

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
)

// Style is how the lines around a block are written.
type Style struct{ open, close string }

// The styles.
var (
	// Markdown hides the lines in comments.
	Markdown = Style{"<!-- ", " -->"} //nolint:gochecknoglobals // a constant
	// Plain is for texts in which nothing can be hidden.
	Plain = Style{"[", "]"} //nolint:gochecknoglobals // a constant
)

const (
	begin   = "quell:begin "
	end     = "quell:end "
	version = "v1."
	// longest is how much of an end line is looked at: a title in base64, and little else.
	longest = 16 << 10
)

// Block is our part of a text.
type Block struct {
	Marker string
	Text   string
	// Written is what we last wrote, by field; nil where the block doesn't say, or was
	// tampered with. Sealed tells these from a block that says that we wrote nothing.
	Written map[string]string
	Sealed  bool

	from, to int // lines, the marks included
}

// markers are what a marker may look like: nothing that ends a comment or a line.
var markers = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._:|/-]{0,127}$`)

// ValidMarker reports whether a marker can be written.
func ValidMarker(marker string) bool {
	return markers.MatchString(marker) && !strings.Contains(marker, "--")
}

// Find gives the block of a marker; of several, since people copy text, the first that is
// sealed, else the first.
func (s Style) Find(text, marker string) (Block, bool) {
	return pick(s.blocks(lines(text)), func(b *Block) bool { return b.Marker == marker })
}

// Any gives a block whatever its marker, as Find does.
func (s Style) Any(text string) (Block, bool) {
	return pick(s.blocks(lines(text)), func(*Block) bool { return true })
}

func pick(blocks []Block, fits func(*Block) bool) (Block, bool) {
	found := -1
	for i := range blocks {
		if fits(&blocks[i]) && (found < 0 || blocks[i].Sealed && !blocks[found].Sealed) {
			found = i
		}
	}
	if found < 0 {
		return Block{}, false
	}
	return blocks[found], true
}

// Put gives the text with the block of a marker replaced, or put before everything where
// there is none. A block whose end somebody has deleted is nobody's: what stood in it stays,
// since we can't know where it ended, and a new one is put before it. So does a text
// without the marks that are left over of it.
func (s Style) Put(text, marker, block string, written map[string]string) string {
	ours := []string{s.open + begin + marker + s.close, s.harmless(strings.TrimSpace(block)), s.open + end + marker + " " + seal(marker, written) + s.close}
	all := lines(text)
	found, ok := pick(s.blocks(all), func(b *Block) bool { return b.Marker == marker })
	if ok {
		return strings.Join(append(append(append([]string(nil), all[:found.from]...), ours...), all[found.to+1:]...), "\n")
	}
	rest := all[:0:0]
	for _, line := range all {
		if kind, of, _ := s.mark(line); kind == "" || of != marker {
			rest = append(rest, line)
		}
	}
	if people := strings.TrimSpace(strings.Join(rest, "\n")); people != "" {
		ours = append(ours, "", people)
	}
	return strings.Join(ours, "\n")
}

// lines cuts a text at its line breaks and keeps whatever else is in them, such as the
// carriage returns that a browser's form leaves.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// blocks gives every block: from a begin to the next end of the same marker. A begin within
// begins anew.
func (s Style) blocks(all []string) []Block {
	var out []Block
	open := -1
	marker := ""
	for i, line := range all {
		kind, of, rest := s.mark(line)
		switch {
		case kind == begin:
			open, marker = i, of
		case kind == end && open >= 0 && of == marker:
			b := Block{Marker: marker, from: open, to: i, Text: s.plain(strings.Join(all[open+1:i], "\n"))}
			b.Written, b.Sealed = unseal(marker, rest)
			out = append(out, b)
			open = -1
		}
	}
	return out
}

// mark reads a line that is one of ours: its kind, its marker and what it says beyond.
func (s Style) mark(line string) (kind, marker, rest string) {
	line = strings.TrimSpace(line)
	if len(line) > longest || !strings.HasPrefix(line, s.open) || !strings.HasSuffix(line, s.close) || len(line) < len(s.open)+len(s.close) {
		return "", "", ""
	}
	line = line[len(s.open) : len(line)-len(s.close)]
	for _, kind := range []string{begin, end} {
		if after, ok := strings.CutPrefix(line, kind); ok {
			marker, rest, _ := strings.Cut(after, " ")
			if markers.MatchString(marker) {
				return kind, marker, rest
			}
		}
	}
	return "", "", ""
}

// harmless keeps a text from ending its own block, and plain takes that back.
func (s Style) harmless(text string) string {
	return strings.ReplaceAll(text, s.open+"quell:", s.open+"\u200bquell:")
}

func (s Style) plain(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(text, "\r", ""), s.open+"\u200bquell:", s.open+"quell:"))
}

func seal(marker string, written map[string]string) string {
	payload, err := json.Marshal(written)
	if err != nil { // texts marshal
		panic("sealing a block: " + err.Error())
	}
	text := base64.RawStdEncoding.EncodeToString(payload)
	return version + text + "." + checksum(marker, text)
}

func unseal(marker, text string) (map[string]string, bool) {
	text, ok := strings.CutPrefix(text, version)
	payload, sum, cut := strings.Cut(text, ".")
	if !ok || !cut || sum != checksum(marker, payload) {
		return nil, false
	}
	raw, err := base64.RawStdEncoding.DecodeString(payload)
	if err != nil {
		return nil, false
	}
	var written map[string]string
	if json.Unmarshal(raw, &written) != nil {
		return nil, false
	}
	return written, true
}

func checksum(marker, payload string) string {
	sum := sha256.Sum256([]byte("quell block\x00" + marker + "\x00" + payload))
	return hex.EncodeToString(sum[:8])
}
