package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/fault"
)

func (a *app) inspectCommand() *cobra.Command {
	var connector, file, source string
	var summary bool
	cmd := &cobra.Command{
		Use:   "inspect FILE|-",
		Short: "Print the findings of a report, normalized, without any daemon",
		Long: "Read a report as the daemon would and print its findings, one JSON object a line. The format is recognised by the report's beginning unless a connector is named. " +
			"gzip is unpacked, and a zip archive is taken if it holds one report. With --config and --source it is read as that source would, so that its mapping can be tried.\n\n" +
			"A report that breaks off exits non-zero with the position, after whatever came before it. With --summary the figures go to standard output even then.",
		Example: "  quell inspect --config quell.yaml --source pentests report.json\n  quell inspect scan.nessus | jq .finding.title\n  quell inspect --summary nuclei.jsonl\n  trivy image -f json alpine | quell inspect --connector trivy -",
		Args:    exactly(1, "the report, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var of *config.Source
			if file != "" || source != "" {
				var err error
				if of, err = a.source(file, source); err != nil {
					return err
				}
			}
			seen := 0
			return a.eachInput(args[0], func(in input) error {
				if seen++; seen > 1 {
					return fault.New(fault.Invalid, "the archive %s holds several reports: unpack it and inspect them one by one", args[0])
				}
				return a.inspect(cmd.Context(), in, connector, of, summary)
			})
		},
		ValidArgsFunction: nil, // files
	}
	cmd.Flags().StringVarP(&connector, "connector", "c", "", "`name` of the connector that reads it (default: recognised)")
	cmd.Flags().StringVar(&file, "config", "", "configuration `file` that holds the source")
	cmd.Flags().StringVar(&source, "source", "", "`name` of the source that would read it")
	cmd.MarkFlagsRequiredTogether("config", "source")
	cmd.MarkFlagsMutuallyExclusive("connector", "source")
	cmd.Flags().BoolVar(&summary, "summary", false, "print one JSON object with the figures instead of the findings")
	complete(cmd, "connector", builtin.Catalog{}.Names())
	return cmd
}

// source gives a source of a configuration file, whose secrets it doesn't read.
func (a *app) source(file, name string) (*config.Source, error) {
	cfg, err := a.load(file, true)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(cfg.Sources))
	for i := range cfg.Sources {
		if cfg.Sources[i].Name == name {
			return &cfg.Sources[i], nil
		}
		names = append(names, cfg.Sources[i].Name)
	}
	return nil, fault.New(fault.NotFound, "%s has no source %q; it has %s", file, name, strings.Join(names, ", "))
}

func (a *app) inspect(ctx context.Context, in input, connector string, of *config.Source, summary bool) error {
	body, err := in.open()
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // it was only read
	head, whole, err := peeked(body)
	if err != nil {
		return fault.New(fault.Invalid, "reading %s: %w", in.name, err)
	}
	reg, decoder, err := a.decoder(connector, of, head, in.file)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(a.Out, 64<<10)
	var next connectors.Sink
	if !summary {
		next = connectors.NewLines(escaping{out})
	}
	sink := connectors.NewSummary(reg.Name, next)
	decodeErr := decoder.Decode(ctx, whole, sink)
	report := sink.Report()
	if summary {
		b, err := json.Marshal(report)
		if err != nil {
			return fault.Wrap(fault.Internal, err, "encoding the summary")
		}
		fmt.Fprintf(escaping{out}, "%s\n", b)
	}
	if err := out.Flush(); err != nil {
		return fault.New(fault.Internal, "writing the findings: %w", err)
	}
	var syntax *connectors.SyntaxError
	switch {
	case errors.As(decodeErr, &syntax):
		return fault.New(fault.Invalid, "%s: %w", in.name, decodeErr)
	case decodeErr != nil:
		return fault.Wrap(fault.KindOf(decodeErr), decodeErr, in.name)
	}
	if !summary {
		for _, reason := range sorted(report.Skipped) {
			a.notef("skipped %d: %s", report.Skipped[reason], clean(reason))
		}
	}
	return nil
}

// decoder makes an instance: that of a source, or one with its defaults of the connector
// that is named or that recognises the head of a body.
func (a *app) decoder(connector string, of *config.Source, head []byte, file string) (connectors.Registration, connectors.Decoder, error) {
	reg, err := builtin.Recognize(head, file)
	switch {
	case of != nil:
		reg, err = builtin.Find(of.Connector)
	case connector != "":
		reg, err = builtin.Find(connector)
	case err != nil:
		err = hintError{err: err, hint: "--connector is one of " + strings.Join(decoders(), ", ")}
	}
	if err != nil {
		return reg, nil, err
	}
	name, settings := "inspect", reg.Config()
	if of != nil {
		name, settings = of.Name, of.Config
	}
	instance, err := reg.Open(connectors.Env{Source: name, Log: slog.New(slog.DiscardHandler), Now: a.Now}, settings)
	if err != nil {
		return reg, nil, fault.Wrap(fault.KindOf(err), err, "opening the connector "+reg.Name)
	}
	decoder, ok := instance.(connectors.Decoder)
	if !ok {
		return reg, nil, fault.New(fault.Invalid, "the connector %s reads no reports", reg.Name)
	}
	return reg, decoder, nil
}

// decoders are the connectors that recognise reports.
func decoders() []string {
	var names []string
	for _, reg := range builtin.List() {
		if reg.Recognize != nil {
			names = append(names, reg.Name)
		}
	}
	return names
}
