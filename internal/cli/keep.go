package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

func (a *app) sourcesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "sources", Aliases: []string{"source"}, Short: "List sources and how they are doing", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				t := table{header: []string{"SOURCE", "CONNECTOR", "WEBHOOK", "LAST DELIVERY", "LAST COMPLETE RUN", "STATUS", "PROBLEM"}, wide: 6}
				return each(a, all(c.Sources(cmd.Context())), 0, &t, func(s apiclient.SourceStatus) []string {
					status, problem := a.sourceState(&s)
					return []string{s.Name, s.Connector, s.Webhook, a.ago(s.LastDelivery), a.ago(s.LastRun), status, problem}
				}, "no sources are configured")
			})
		},
	}
	cmd.AddCommand(a.syncCommand(), a.syncsCommand(), a.pauseSyncCommand(), a.resumeSyncCommand())
	return cmd
}

// sourceState is how a source is doing in a word or two, and why.
func (a *app) sourceState(s *apiclient.SourceStatus) (status, problem string) {
	var words, whys []string
	for _, c := range s.Conditions {
		words = append(words, string(c.Condition)+" since "+when(c.Since))
		whys = append(whys, c.Why)
	}
	if s.Held > 0 {
		words = append(words, "held")
		whys = append(whys, plural(s.Held, "report waits", "reports wait")+" for approval: quell deliveries --status parked")
	}
	if len(whys) == 0 || s.Problem != "" && !slices.ContainsFunc(s.Conditions, func(c apiclient.SourceCondition) bool { return c.Condition == exposure.SourceFailing }) {
		whys = append(whys, s.Problem)
	}
	switch {
	case len(words) > 0:
	case s.Problem != "":
		words = []string{"failed"}
	case s.Silent:
		words = []string{"silent"}
	case s.Pending:
		words = []string{"working"}
	default:
		words = []string{"ok"}
	}
	return strings.Join(words, ", "), strings.Join(slices.DeleteFunc(whys, func(w string) bool { return w == "" }), "; ")
}

func (a *app) deliveriesCommand() *cobra.Command {
	var source, status string
	limit := aPage
	cmd := &cobra.Command{
		Use: "deliveries", Aliases: []string{"delivery"}, Short: "List what came in and what became of it; replay what failed, decide on what is held", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				t := table{header: []string{"DELIVERY", "RECEIVED", "VIA", "BYTES", "STATUS", "FINDINGS", "NEW", "ERROR"}, wide: 7}
				return each(a, c.Deliveries(cmd.Context(), source, status, limit), limit, &t, func(d exposure.Delivery) []string {
					return []string{d.ID, when(d.ReceivedAt), d.Via, n(d.Size), string(d.Status), n(d.Counts["findings"]), n(d.Counts["created"]), d.Error}
				}, "no deliveries match")
			})
		},
	}
	cmd.Flags().StringVar(&source, "source", "", "only of this `source`")
	cmd.Flags().StringVar(&status, "status", "", "only in this `status`: received, working, done, repeated, history, failed, parked, rejected")
	limitFlag(cmd, &limit)
	a.completeFlag(cmd, "source", a.sourceNames)
	cmd.AddCommand(
		a.heldCommand("approve", "Let held reports take away what they would",
			"Let reports that the breaker holds take away what they would. They are ingested once more, and what closes by them names you."),
		a.heldCommand("reject", "End held reports without a change", "End reports that the breaker holds. What they saw stays; they take nothing away."))
	cmd.AddCommand(&cobra.Command{
		Use: "replay ID...", Short: "Ingest deliveries once more, after the reason they failed is mended", Args: some(1, "the IDs of deliveries"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				for _, id := range args {
					if err := c.Replay(cmd.Context(), id); err != nil {
						return err
					}
					a.notef("%s: in the queue again", clean(id))
				}
				return nil
			})
		},
	})
	return cmd
}

// heldCommand decides on reports that the breaker holds.
func (a *app) heldCommand(verb, short, long string) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: verb + " ID...", Short: short, Long: long, Args: some(1, "the IDs of held deliveries"),
		Example: "  quell deliveries --status parked\n  quell deliveries " + verb + " 'nessus-dc1|01JD8Q' --reason 'the lab was taken down'",
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return usage(cmd.CommandPath(), "say why, with --reason")
			}
			return a.withClient(cmd, func(c *apiclient.Client) error {
				for _, id := range args {
					item, err := c.DecideHeld(cmd.Context(), id, verb, reason)
					switch {
					case err != nil:
						return err
					case a.json:
						if err := a.line(item); err != nil {
							return err
						}
					default:
						a.sayf("%s: %s", clean(id), held(&item.Value))
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in `words` that stay with the report")
	return cmd
}

func held(d *exposure.Delivery) string {
	if d.Approver() != "" {
		return "approved; it is ingested once more, and applied whole"
	}
	return "rejected; it takes nothing away"
}

func (a *app) runsCommand() *cobra.Command {
	var source string
	limit := aPage
	cmd := &cobra.Command{
		Use: "runs", Aliases: []string{"run"}, Short: "List scans and syncs, and what they covered", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				t := table{header: []string{"SOURCE", "RUN", "FINISHED", "COMPLETE", "TARGETS", "CHECKS", "TOOL", "WHY NOT"}, wide: 7}
				return each(a, c.Runs(cmd.Context(), source, limit), limit, &t, func(r exposure.Run) []string {
					complete := "no"
					if r.Complete {
						complete = "yes"
					}
					return []string{r.Source, r.ID, when(r.Finished), complete, n(int64(r.Targets)), listed(r.Checks), r.Tool, r.Why}
				}, "no runs yet")
			})
		},
	}
	cmd.Flags().StringVar(&source, "source", "", "only of this `source`")
	limitFlag(cmd, &limit)
	a.completeFlag(cmd, "source", a.sourceNames)
	return cmd
}

func (a *app) intelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "intel", Short: "See how fresh the threat intelligence is, and import it", Args: cobra.NoArgs,
		Example: "  quell intel\n  quell intel import known_exploited_vulnerabilities.json epss_scores-current.csv.gz",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				t := table{header: []string{"KIND", "ENTRIES", "TAKEN", "STATUS", "MISSING"}, wide: 4}
				return each(a, all(c.Intel(cmd.Context())), 0, &t, func(s apiclient.IntelStatus) []string {
					status := "stale"
					switch {
					case s.Fresh:
						status = "ok"
					case s.Entries == 0:
						status = "none"
					}
					return []string{s.Kind, n(s.Entries), when(s.Taken), status, s.Missing}
				}, "none is loaded")
			})
		},
	}
	var kind string
	load := &cobra.Command{
		Use: "import FILE|-...", Short: "Import KEV and Vulnrichment of CISA, EPSS of FIRST, and NVD entries", Args: some(1, "the files to import"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				for _, arg := range args {
					if err := a.eachInput(arg, func(in input) error { return a.importIntel(cmd, c, in, kind) }); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	load.Flags().StringVar(&kind, "kind", "", "`kind` of the file: kev, epss, vulnrichment or nvd (default: recognised)")
	complete(load, "kind", []string{"kev", "epss", "vulnrichment", "nvd"})
	cmd.AddCommand(load)
	return cmd
}

func (a *app) importIntel(cmd *cobra.Command, c *apiclient.Client, in input, kind string) error {
	body, err := in.open()
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // it was only read
	head, whole, err := peeked(body)
	if err != nil {
		return fault.New(fault.Invalid, "reading %s: %w", in.name, err)
	}
	if kind == "" {
		if kind = intelKind(string(head)); kind == "" {
			return hintError{err: fault.New(fault.Invalid, "%s is none of CISA's KEV catalogue and Vulnrichment, FIRST's EPSS scores and the NVD's entries", in.name), hint: "if it is, say which with --kind"}
		}
	}
	item, err := c.ImportIntel(cmd.Context(), kind, whole)
	if err != nil {
		return err
	}
	if a.json {
		return a.line(item)
	}
	v := &item.Value
	a.sayf("%s: %s of %s, %d entries; decisions that changed by it: %d", clean(in.name), clean(v.Kind), when(v.Taken), v.Entries, v.Changed)
	return nil
}

// intelKind tells the files apart by how they begin.
func intelKind(head string) string {
	start := strings.TrimLeft(strings.TrimPrefix(head, "\uFEFF"), " \t\r\n")
	switch {
	case strings.HasPrefix(start, "{") && strings.Contains(head, `"catalogVersion"`), strings.HasPrefix(start, "{") && strings.Contains(head, `"cveID"`):
		return "kev"
	case strings.HasPrefix(start, "#model_version"), strings.HasPrefix(start, "cve,epss"):
		return "epss"
	case strings.HasPrefix(start, "{") && strings.Contains(head, `"CVE_RECORD"`):
		return "vulnrichment"
	case strings.HasPrefix(start, "{") && (strings.Contains(head, `"NVD_CVE"`) || strings.Contains(head, `"cve"`) && strings.Contains(head, `"sourceIdentifier"`)):
		return "nvd"
	}
	return ""
}

func (a *app) rebuildCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rebuild", Short: "Start every workflow anew from the store", Args: cobra.NoArgs,
		Long: "Start every workflow anew from the store: after Temporal lost its data, or was replaced. What runs already is left alone, so it is safe to repeat.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.Rebuild(cmd.Context())
				if err != nil {
					return err
				}
				if a.json {
					return object(a, item)
				}
				a.sayf("looked at %d, started %d. %s", item.Value.Looked, item.Value.Changed, clean(item.Value.Message))
				return nil
			})
		},
	}
}
