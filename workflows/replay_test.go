package workflows_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	temporallog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/workflows"
)

//nolint:gochecknoglobals // a flag
var update = flag.Bool("update", false, "record the histories that the replay test replays")

const (
	histories = "testdata/histories"
	// rerecord says how they are recorded.
	rerecord = "record them with go test ./workflows -run OnATemporalServer -update"
	// nobody stands in a recorded history for what names a machine or a process.
	nobody = "worker"
)

func recorded(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(histories, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files, rerecord)
	return files
}

// TestRecordedHistoriesReplay holds today's workflows to what earlier ones did: a change
// that would break runs under way breaks this.
func TestRecordedHistoriesReplay(t *testing.T) {
	for _, file := range recorded(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			r := worker.NewWorkflowReplayer()
			workflows.Register(r)
			require.NoError(t, r.ReplayWorkflowHistoryFromJSONFile(temporallog.NewStructuredLogger(slog.New(slog.DiscardHandler)), file))
		})
	}
}

// names collects what is registered.
type names map[string]int

func (n names) RegisterWorkflowWithOptions(_ any, options workflow.RegisterOptions) {
	n[options.Name] = 0
}

func TestEveryWorkflowHasARecordedHistory(t *testing.T) {
	of := names{}
	workflows.Register(of)
	for _, file := range recorded(t) {
		h := historyIn(t, file)
		kind := h.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()
		require.Contains(t, of, kind, "%s is of a workflow that is no longer there", file)
		of[kind]++
	}
	for name, n := range of {
		require.Positive(t, n, "no history of %s is recorded: %s", name, rerecord)
	}
}

func TestRecordedHistoriesNameNoMachine(t *testing.T) {
	local := regexp.MustCompile(`(^|[^\w.])/(home|root|tmp|usr|var|work|Users)/|\d+@\w+@`)
	for _, file := range recorded(t) {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var h any
		require.NoError(t, json.Unmarshal(raw, &h))
		eachText(h, func(key, text string) {
			if key == "identity" {
				require.Equal(t, nobody, text, file)
			}
			require.NotRegexp(t, local, text, file)
			if data, err := base64.StdEncoding.DecodeString(text); err == nil {
				require.NotRegexp(t, local, string(data), file)
			}
		})
		for _, ev := range historyIn(t, file).Events {
			if q := ev.GetWorkflowTaskScheduledEventAttributes().GetTaskQueue(); q.GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
				require.Equal(t, nobody, q.GetName(), "%s: a sticky queue is called after its machine", file)
			}
		}
	}
}

// eachText walks over all that is said in a JSON document.
func eachText(in any, visit func(key, text string)) {
	switch v := in.(type) {
	case map[string]any:
		for key, of := range v {
			if text, ok := of.(string); ok {
				visit(key, text)
			} else {
				eachText(of, visit)
			}
		}
	case []any:
		for _, of := range v {
			eachText(of, visit)
		}
	}
}

func historyIn(t *testing.T, file string) *historypb.History {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	h := &historypb.History{}
	require.NoError(t, temporalproto.CustomJSONUnmarshalOptions{DiscardUnknown: true}.Unmarshal(raw, h))
	require.NotEmpty(t, h.Events, file)
	return h
}

func (l *living) history(workflowID string) *historypb.History { return l.historyOf(workflowID, "") }

// historyOf gives what a run did; an empty one is the workflow's last.
func (l *living) historyOf(workflowID, run string) *historypb.History {
	l.t.Helper()
	out := &historypb.History{}
	for it := l.temporal.GetWorkflowHistory(l.t.Context(), workflowID, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); it.HasNext(); {
		ev, err := it.Next()
		require.NoError(l.t, err)
		out.Events = append(out.Events, ev)
	}
	return out
}

// record keeps a workflow's history for the replay test, without what names the machine.
func (l *living) record(name, workflowID string) {
	l.t.Helper()
	l.keep(name, l.history(workflowID))
}

func (l *living) keep(name string, h *historypb.History) {
	l.t.Helper()
	if !*update {
		return
	}
	raw, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(h)
	require.NoError(l.t, err)
	for _, own := range machines(h) {
		raw = bytes.ReplaceAll(raw, []byte(own), []byte(nobody))
	}
	require.NoError(l.t, os.MkdirAll(histories, 0o755))
	require.NoError(l.t, os.WriteFile(filepath.Join(histories, name+".json"), append(raw, '\n'), 0o644))
}

// machines are the names in a history that machines and processes have given themselves.
func machines(h *historypb.History) []string {
	var out []string
	for _, ev := range h.Events {
		of := []string{ev.GetWorkflowExecutionStartedEventAttributes().GetIdentity(), ev.GetWorkflowTaskStartedEventAttributes().GetIdentity(),
			ev.GetActivityTaskStartedEventAttributes().GetIdentity(), ev.GetWorkflowExecutionSignaledEventAttributes().GetIdentity()}
		if q := ev.GetWorkflowTaskScheduledEventAttributes().GetTaskQueue(); q.GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
			of = append(of, q.GetName())
		}
		for _, name := range of {
			if name != "" {
				out = append(out, name)
			}
		}
	}
	return out
}
