package epss

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

const largest = 256 << 20

// Pull implements connectors.Puller: the day's scores are one page, uncompressed.
func (in *Instance) Pull(ctx context.Context, _ connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" || in.http == nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling %s: no url is configured", in.source)
	}
	api := httpclient.API{HTTP: in.http, Base: in.config.URL, Largest: largest, Vendor: "FIRST"}
	read, write := io.Pipe()
	fetched := make(chan error, 1)
	go func() {
		_, err := api.Copy(ctx, httpclient.Call{Path: in.config.URL, Accept: "text/csv, application/gzip"}, write)
		_ = write.CloseWithError(err) // it always gives nil
		fetched <- err
	}()
	copied := plain(read, page)
	_ = read.CloseWithError(copied) // likewise; lets go of the other side
	if err := <-fetched; err != nil && copied != nil {
		return connectors.Pulled{}, err
	}
	return connectors.Pulled{}, copied
}

// plain copies what may be compressed, uncompressed.
func plain(r io.Reader, w io.Writer) error {
	br := bufio.NewReader(r)
	var body io.Reader = br
	if head, _ := br.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) { // an error comes again when it is read
		z, err := gzip.NewReader(br)
		if err != nil {
			return fault.Wrap(fault.Unavailable, err, "unpacking the scores")
		}
		body = z
	}
	n, err := io.Copy(w, io.LimitReader(body, largest+1))
	if err == nil && n > largest {
		err = fault.New(fault.Invalid, "unpacking the scores: they are larger than %d bytes", largest)
	}
	return fault.Wrap(kindOf(err), err, "unpacking the scores")
}

// kindOf is unavailable for a stream that broke, which may be whole the next time.
func kindOf(err error) fault.Kind {
	if kind := fault.KindOf(err); kind != fault.Internal {
		return kind
	}
	return fault.Unavailable
}
