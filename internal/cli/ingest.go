package cli

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// ingested is what became of one report.
type ingested struct {
	File     string                  `json:"file"`
	Source   string                  `json:"source,omitempty"`
	Delivery string                  `json:"delivery,omitempty"`
	Size     int64                   `json:"size,omitempty"`
	Repeated bool                    `json:"repeated,omitempty"`
	Status   exposure.DeliveryStatus `json:"status,omitempty"`
	Counts   map[string]int64        `json:"counts,omitempty"`
	Skipped  map[string]int64        `json:"skipped,omitempty"`
	Error    string                  `json:"error,omitempty"`

	err error // behind Error
}

// ingestion is one run of the verb.
type ingestion struct {
	*app
	client  *apiclient.Client
	source  string                   // as named; empty: recognised
	sources []apiclient.SourceStatus // asked for once
	done    []ingested
	failure error // the first
}

func (a *app) ingestCommand() *cobra.Command {
	var source string
	var wait bool
	cmd := &cobra.Command{
		Use:   "ingest FILE|-...",
		Short: "Send reports to the daemon",
		Long: "Send reports to the daemon: files, gzip files, every file of a zip archive, or - for standard input. The source is the one whose connector recognises the report; " +
			"where several sources have that connector, name one with --source.\n\n" +
			"The daemon stores a report before it reads it. With --wait the command ends when the reports have been processed, and tells what they came to.",
		Example: "  quell ingest scan.nessus\n  quell ingest --source nuclei-weekly --wait reports.zip\n  trivy image -f json alpine | quell ingest -",
		Args:    some(1, "at least one report, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			defer client.Close()
			run := &ingestion{app: a, client: client, source: source}
			return run.all(cmd.Context(), args, wait)
		},
	}
	cmd.Flags().StringVarP(&source, "source", "s", "", "`name` of the source that the reports are of (default: recognised)")
	cmd.Flags().BoolVarP(&wait, "wait", "w", false, "wait until the reports are processed")
	a.completeFlag(cmd, "source", a.sourceNames)
	return cmd
}

func (r *ingestion) all(ctx context.Context, args []string, wait bool) error {
	for _, arg := range args {
		err := r.eachInput(arg, func(in input) error { return r.send(ctx, in) })
		if err != nil {
			r.fail(ingested{File: arg}, err)
		}
		if ctx.Err() != nil || fault.Is(r.failure, fault.Denied) {
			break // the others would fare no better
		}
	}
	if wait && ctx.Err() == nil {
		r.wait(ctx)
	}
	if err := r.tell(wait); err != nil {
		return err
	}
	if r.failure != nil {
		return exitError{code: exitCode(r.failure)} // told already, report by report
	}
	return nil
}

// fail notes that one report went wrong; the others go on.
func (r *ingestion) fail(what ingested, err error) {
	what.Error, what.err = err.Error(), err
	r.done = append(r.done, what)
	if r.failure == nil {
		r.failure = err
	}
}

// send sends one report. Its own failure doesn't stop those beside it in an archive.
func (r *ingestion) send(ctx context.Context, in input) error {
	body, err := in.open()
	if err != nil {
		r.fail(ingested{File: in.name}, err)
		return nil
	}
	defer func() { _ = body.Close() }() // it was only read
	head, whole, err := peeked(body)
	if err != nil {
		r.fail(ingested{File: in.name}, fault.New(fault.Invalid, "reading %s: %w", in.name, err))
		return nil
	}
	source, err := r.sourceOf(ctx, in, head)
	if err != nil {
		r.fail(ingested{File: in.name}, err)
		return nil
	}
	bar := r.bar(in)
	accepted, err := r.client.Upload(ctx, source, in.file, io.TeeReader(whole, bar), "")
	_ = bar.Exit() // it only draws
	if err != nil {
		r.fail(ingested{File: in.name, Source: source}, fault.Wrap(fault.KindOf(err), err, "sending "+in.name))
		return ctx.Err()
	}
	r.done = append(r.done, ingested{File: in.name, Source: source, Delivery: accepted.Value.Delivery, Size: accepted.Value.Size,
		Repeated: accepted.Value.Repeated, Status: exposure.DeliveryReceived})
	return nil
}

// bar shows how far a report is, on a terminal.
func (r *ingestion) bar(in input) *progressbar.ProgressBar {
	_, visible := terminal(r.Err)
	total := in.size
	if total == 0 {
		total = -1 // unknown: it counts and turns
	}
	const redraw = 100 * time.Millisecond
	return progressbar.NewOptions64(total, progressbar.OptionSetWriter(r.Err), progressbar.OptionSetVisibility(visible),
		progressbar.OptionSetDescription(clean(in.name)), progressbar.OptionShowBytes(true), progressbar.OptionThrottle(redraw), progressbar.OptionClearOnFinish())
}

// sourceOf is the source that a report is of: the one that was named, else the only one
// whose connector recognises it.
func (r *ingestion) sourceOf(ctx context.Context, in input, head []byte) (string, error) {
	if r.source != "" {
		return r.source, nil
	}
	reg, err := builtin.Recognize(head, in.file)
	if err != nil {
		return "", hintError{err: fault.Wrap(fault.KindOf(err), err, in.name), hint: "name the source it is of with --source; `quell sources` lists them"}
	}
	if r.sources == nil {
		items, err := r.client.Sources(ctx)
		if err != nil {
			return "", err
		}
		for _, item := range items {
			r.sources = append(r.sources, item.Value)
		}
	}
	var names []string
	for _, s := range r.sources {
		if s.Connector == reg.Name {
			names = append(names, s.Name)
		}
	}
	switch len(names) {
	case 0:
		return "", hintError{err: fault.New(fault.NotFound, "%s is a report of %s, and no source has that connector", in.name, reg.Name),
			hint: "add one with `connector: " + reg.Name + "` to the configuration, or name another with --source"}
	case 1:
		return names[0], nil
	}
	return "", hintError{err: fault.New(fault.Invalid, "%s is a report of %s, and %d sources have that connector: %s", in.name, reg.Name, len(names), strings.Join(names, ", ")),
		hint: "name one of them with --source"}
}

// ended reports whether a delivery will not change any more by itself.
func ended(s exposure.DeliveryStatus) bool {
	return s != exposure.DeliveryReceived && s != exposure.DeliveryWorking
}

// wait waits until every delivery has ended.
func (r *ingestion) wait(ctx context.Context) {
	const shortest, longest = 100 * time.Millisecond, 2 * time.Second
	for i := range r.done {
		d := &r.done[i]
		for pause := shortest; d.Delivery != "" && !ended(d.Status); pause = min(2*pause, longest) {
			found, err := r.client.Delivery(ctx, d.Delivery)
			if err != nil {
				r.keep(d, err)
				break
			}
			d.Status, d.Counts, d.Skipped, d.Error = found.Value.Status, found.Value.Counts, found.Value.Skipped, found.Value.Error
			if ended(d.Status) {
				break
			}
			if err := sleep(ctx, pause); err != nil {
				r.keep(d, err)
				return
			}
		}
		if d.Status == exposure.DeliveryFailed || d.Status == exposure.DeliveryParked {
			r.keep(d, fault.New(fault.Invalid, "%s: the delivery is %s: %s", d.File, d.Status, d.Error))
		}
	}
}

// keep notes what went wrong with a report that was sent.
func (r *ingestion) keep(d *ingested, err error) {
	d.Error, d.err = err.Error(), err
	if r.failure == nil {
		r.failure = err
	}
}

// sleep waits, unless it is told to stop.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// tell prints what became of the reports.
func (r *ingestion) tell(waited bool) error {
	if r.json {
		for _, d := range r.done {
			if err := r.line(apiclient.Item[ingested]{Value: d}); err != nil {
				return err
			}
		}
		return nil
	}
	t := table{header: []string{"REPORT", "SOURCE", "STATUS", "FINDINGS", "ASSETS", "NEW", "DELIVERY"}, wide: 0}
	if !waited {
		t.header = []string{"REPORT", "SOURCE", "STATUS", "BYTES", "DELIVERY"}
	}
	for _, d := range r.done {
		status := string(d.Status)
		switch {
		case d.Delivery == "":
			status = "not sent"
		case d.Repeated && !waited:
			status = "known already"
		}
		if waited {
			t.add(d.File, d.Source, status, n(d.Counts["findings"]), n(d.Counts["assets"]), n(d.Counts["created"]), d.Delivery)
		} else {
			t.add(d.File, d.Source, status, n(d.Size), d.Delivery)
		}
	}
	r.print(&t)
	for _, d := range r.done {
		for _, reason := range sorted(d.Skipped) {
			r.notef("%s: skipped %d: %s", clean(d.File), d.Skipped[reason], clean(reason))
		}
		if d.err != nil {
			report(r.Err, d.err)
		}
	}
	return nil
}
