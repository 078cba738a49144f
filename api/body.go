package api

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/quellsec/quell/internal/fault"
)

const (
	// gzipRatio is how much a compressed body may grow once it is past gzipFree: reports
	// are repetitive, but a body that grows more than this was made to fill a disk.
	gzipRatio = 300
	gzipFree  = 8 << 20
)

// tooLargeError is a body past its limit, with what to do about it.
type tooLargeError struct {
	limit int64
	what  string // to do
}

// Error implements error.
func (e *tooLargeError) Error() string {
	return "the body is larger than the " + bytesText(e.limit) + " that are taken here: " + e.what
}

// minThroughput is how many bytes a second a sender must manage over time, so that a
// trickle doesn't hold a place for hours.
const minThroughput = 8 << 10

// patient reads a request's body: the sender's time runs out when nothing comes for
// stallTimeout, or too little, not when there is much.
type patient struct {
	body   io.Reader
	extend func(time.Time) error
	now    func() time.Time
	start  time.Time
	until  time.Time
	read   int64
}

func newPatient(c echo.Context) *patient {
	return &patient{body: c.Request().Body, extend: http.NewResponseController(c.Response()).SetReadDeadline, now: time.Now, start: time.Now()}
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	const slack = 5 * time.Second // so that small reads don't each set a deadline
	now := p.now()
	if p.until.Sub(now) < stallTimeout-slack {
		p.until = now.Add(stallTimeout)
		if earned := p.start.Add(stallTimeout + time.Duration(p.read/minThroughput)*time.Second); earned.Before(p.until) {
			p.until = earned
		}
		if err := p.extend(p.until); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return 0, err
		}
	}
	n, err := p.body.Read(b)
	p.read += int64(n)
	return n, err
}

// limited reads at most limit bytes, and answers more with a tooLargeError.
type limited struct {
	r     io.Reader
	limit int64
	read  int64
	what  string
}

// Read implements io.Reader.
func (l *limited) Read(b []byte) (int, error) {
	if room := l.limit - l.read + 1; int64(len(b)) > room {
		b = b[:room]
	}
	n, err := l.r.Read(b)
	if l.read += int64(n); l.read > l.limit {
		return 0, &tooLargeError{limit: l.limit, what: l.what}
	}
	return n, err
}

// gunzip reads a gzip body with a bomb's limits: so many bytes in all, and so many for
// each that was sent.
type gunzip struct {
	sent counting
	zip  *gzip.Reader
	out  limited
}

type counting struct {
	r io.Reader
	n int64
}

// Read implements io.Reader.
func (c *counting) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

func newGunzip(r io.Reader, limit int64, what string) (*gunzip, error) {
	g := &gunzip{sent: counting{r: r}}
	zip, err := gzip.NewReader(bufio.NewReader(&g.sent))
	if err != nil {
		return nil, ofGzip(err)
	}
	g.zip = zip
	g.out = limited{r: zip, limit: limit, what: what}
	return g, nil
}

// Read implements io.Reader.
func (g *gunzip) Read(b []byte) (int, error) {
	n, err := g.out.Read(b)
	if g.out.read > gzipFree && g.out.read > gzipRatio*g.sent.n {
		return 0, fault.New(fault.Invalid, "decompressing the body: it grows more than %d times, which no report does; send it uncompressed", gzipRatio)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, ofGzip(err)
	}
	return n, err
}

// ofGzip makes what is wrong with the compression the sender's fault.
func ofGzip(err error) error {
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		strings.HasPrefix(err.Error(), "flate:") {
		return fault.New(fault.Invalid, "decompressing the body: it isn't whole gzip data: %w", err)
	}
	return err
}

// encoded reports whether the body is gzip, or refuses its encoding.
func encoded(header http.Header) (bool, error) {
	switch coding := strings.ToLower(strings.TrimSpace(header.Get("Content-Encoding"))); coding {
	case "", "identity":
		return false, nil
	case "gzip", "x-gzip":
		return true, nil
	default:
		return false, problem(http.StatusUnsupportedMediaType, fault.Invalid, "Content-Encoding may be gzip or absent")
	}
}

// plain gives a body as it was before compression.
func plain(r io.Reader, zipped bool, limit int64, what string) (io.Reader, error) {
	if !zipped {
		return r, nil
	}
	return newGunzip(r, limit, what)
}

// drained reads what is left, so that a hash sees all of it.
func drained(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
