package bloodhound

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"github.com/quellsec/quell/connectors"
)

// Limits of what is unpacked. Collections are repetitive; what grows more was made to fill
// a disk.
const (
	maxRatio    = 300
	freeGrowth  = 8 << 20
	maxUnpacked = 16 << 30
	maxMembers  = 1000
	longestName = 1 << 10
)

func isZip(head []byte) bool { return bytes.HasPrefix(head, []byte("PK\x03\x04")) }

// zipName is the name of the first member, by its header.
func zipName(head []byte) []byte {
	const header = 30
	if len(head) < header {
		return nil
	}
	n := int(binary.LittleEndian.Uint16(head[26:]))
	return bytes.ToLower(head[header:min(len(head), header+n)])
}

// archive reads the JSON members of a zip one after the other, as one sequence of JSON
// values. It goes by the headers that stand before the members and so needs neither the
// directory at the end nor the whole of the archive in memory.
type archive struct {
	src       *counted
	body      io.Reader // of the current member; nil between members
	head      bool      // the member's first bytes are still to be looked at
	json      bool      // the member is one to read
	members   int
	unpacked  int64
	described bool // sizes stand behind the member
	err       error
}

func newArchive(body io.Reader) *archive { return &archive{src: &counted{r: bufio.NewReader(body)}} }

// counted counts bytes and lets flate read no more than it needs.
type counted struct {
	r *bufio.Reader
	n int64
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err //nolint:wrapcheck // the body's own
}

// ReadByte implements io.ByteReader.
func (c *counted) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err //nolint:wrapcheck // the body's own
}

// fail makes a syntax error of what is wrong with the archive; what is wrong with the body
// that it comes in stays as it is.
func (a *archive) fail(err error) error {
	var corrupt flate.CorruptInputError
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errArchive) {
		err = &connectors.SyntaxError{Position: connectors.Position{Offset: max(a.src.n, 1)}, Format: "BloodHound zip", Err: err}
	}
	a.err = err
	return err
}

var errArchive = errors.New("the archive can't be read")

type archiveError string

// Error implements error.
func (e archiveError) Error() string { return string(e) }

// Is makes every one of these an errArchive.
func (archiveError) Is(target error) bool { return target == errArchive }

// Read implements io.Reader.
func (a *archive) Read(p []byte) (int, error) {
	for a.err == nil {
		if a.body == nil {
			more, err := a.next()
			if err != nil {
				return 0, a.fail(err)
			}
			if !more {
				a.err = io.EOF
				break
			}
		}
		n, err := a.body.Read(p)
		a.unpacked += int64(n)
		if a.unpacked > maxUnpacked || a.unpacked > freeGrowth && a.unpacked > a.src.n*maxRatio {
			return 0, a.fail(archiveError("it unpacks to far more than it is"))
		}
		if errors.Is(err, io.EOF) {
			a.body = nil
			if err := a.descriptor(); err != nil {
				return 0, a.fail(err)
			}
			if n = copy(p, a.wanted(p[:n])); n < len(p) && a.json {
				p[n] = '\n' // so that two members are two values
				n++
			}
			if n > 0 {
				return n, nil
			}
			continue
		}
		if err != nil {
			return 0, a.fail(err)
		}
		if n = copy(p, a.wanted(p[:n])); n > 0 {
			return n, nil
		}
	}
	return 0, a.err
}

// wanted drops members that are no JSON, and byte order marks.
func (a *archive) wanted(b []byte) []byte {
	if !a.json {
		return nil
	}
	if a.head && len(b) > 0 {
		a.head = false
		return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	}
	return b
}

// next goes on to the next member; false at the directory.
func (a *archive) next() (bool, error) {
	const (
		local, directory, end = 0x04034b50, 0x02014b50, 0x06054b50
		encrypted, behind     = 1, 8
		stored, deflated      = 0, 8
	)
	var h [30]byte
	if _, err := io.ReadFull(a.src, h[:4]); err != nil {
		return false, err //nolint:wrapcheck // fail says the rest
	}
	switch binary.LittleEndian.Uint32(h[:]) {
	case local:
	case directory, end:
		_, err := io.Copy(io.Discard, a.src)
		return false, err //nolint:wrapcheck // fail says the rest
	default:
		return false, archiveError("a member does not begin as one")
	}
	if _, err := io.ReadFull(a.src, h[4:]); err != nil {
		return false, err //nolint:wrapcheck // likewise
	}
	flags, method := binary.LittleEndian.Uint16(h[6:]), binary.LittleEndian.Uint16(h[8:])
	nameLen, extraLen := int64(binary.LittleEndian.Uint16(h[26:])), int64(binary.LittleEndian.Uint16(h[28:]))
	name := make([]byte, min(nameLen, longestName))
	if _, err := io.ReadFull(a.src, name); err != nil {
		return false, err //nolint:wrapcheck // likewise
	}
	if _, err := io.CopyN(io.Discard, a.src, nameLen-int64(len(name))+extraLen); err != nil {
		return false, err //nolint:wrapcheck // likewise
	}
	if a.members++; a.members > maxMembers {
		return false, archiveError("it has too many members")
	}
	a.described = flags&behind != 0
	a.json, a.head = strings.HasSuffix(strings.ToLower(string(name)), ".json"), true
	switch {
	case flags&encrypted != 0:
		return false, archiveError("it has a password: unpack it")
	case method == deflated:
		a.body = flate.NewReader(a.src)
	case method == stored && !a.described:
		a.body = io.LimitReader(a.src, int64(binary.LittleEndian.Uint32(h[18:])))
	default:
		return false, archiveError("a member is packed in a way that is not known: unpack it")
	}
	return true, nil
}

// descriptor passes over the sizes that stand behind a member: of four or eight bytes
// each, behind a signature that may be missing.
func (a *archive) descriptor() error {
	if !a.described {
		return nil
	}
	const signature, small, large = "PK\x07\x08", 12, 20
	head, err := a.src.r.Peek(4 + large + 4)
	if err != nil && len(head) < small+4 {
		return io.ErrUnexpectedEOF
	}
	at := 0
	if bytes.HasPrefix(head, []byte(signature)) {
		at = len(signature)
	}
	for _, n := range []int{small, large} {
		if len(head) >= at+n+2 && string(head[at+n:at+n+2]) == "PK" {
			_, err := io.CopyN(io.Discard, a.src, int64(at+n))
			return err //nolint:wrapcheck // fail says the rest
		}
	}
	return archiveError("a member has no proper end")
}
