package vulnrichment

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Limits of what is read: some times the repository of 2026.
const (
	largest       = 4 << 30 // compressed
	largestRecord = 8 << 20
	mostRecords   = 2_000_000
)

// Pull implements connectors.Puller: the whole repository is one page, of which nothing but
// the decision points is kept, a record a line.
func (in *Instance) Pull(ctx context.Context, _ connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" || in.http == nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling %s: no url is configured", in.source)
	}
	api := httpclient.API{HTTP: in.http, Base: in.config.URL, Largest: largest, Vendor: "the repository"}
	read, write := io.Pipe()
	fetched := make(chan error, 1)
	go func() {
		_, err := api.Copy(ctx, httpclient.Call{Path: in.config.URL, Accept: "application/gzip"}, write)
		_ = write.CloseWithError(err) // it always gives nil
		fetched <- err
	}()
	kept := records(ctx, read, page)
	_ = read.CloseWithError(kept) // likewise; lets go of the other side
	if err := <-fetched; err != nil && kept != nil {
		return connectors.Pulled{}, err
	}
	return connectors.Pulled{}, kept
}

// records copies the decision points out of an archive.
func records(ctx context.Context, body io.Reader, page io.Writer) error {
	z, err := gzip.NewReader(body)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "unpacking the repository")
	}
	archive := tar.NewReader(z)
	out := json.NewEncoder(page)
	for range mostRecords {
		if err := ctx.Err(); err != nil {
			return fault.Wrap(fault.Unavailable, err, "unpacking the repository")
		}
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fault.Wrap(fault.Unavailable, err, "unpacking the repository")
		}
		name := path.Base(header.Name)
		if header.Typeflag != tar.TypeReg || !strings.HasPrefix(name, "CVE-") || !strings.HasSuffix(name, ".json") {
			continue
		}
		if header.Size > largestRecord {
			return fault.New(fault.Invalid, "unpacking the repository: %.40q is larger than %d bytes", name, largestRecord)
		}
		var r record
		if err := json.NewDecoder(io.LimitReader(archive, largestRecord)).Decode(&r); err != nil {
			return fault.Wrap(fault.Unavailable, err, "unpacking a CVE record")
		}
		if !r.trimmed() {
			continue
		}
		if err := out.Encode(&r); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "keeping a CVE record")
		}
	}
	return fault.New(fault.Invalid, "unpacking the repository: it holds more than %d files", mostRecords)
}
