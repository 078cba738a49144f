package whole_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/chaos/whole"
)

// root is the folder of go.mod, seen from here.
const root = "../../.."

func TestEightLivesCloseWithProofWhileEverythingIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	for _, program := range []string{"quell", "quell-probe", "temporal"} {
		if _, err := os.Stat(filepath.Join(root, "bin", program)); err != nil {
			t.Skipf("bin/%s is missing: run make build bin/temporal", program)
		}
	}
	binary, err := filepath.Abs(filepath.Join(root, "bin", "quell"))
	require.NoError(t, err)
	var told strings.Builder
	dir := t.TempDir()

	counts, err := whole.Run(t.Context(), whole.Options{Binary: binary, Templates: filepath.Join(root, "internal", "demo", "templates"),
		Dir: dir, Teams: 2, Sites: 2, Seed: 1, Kill: 8 * time.Second, Deed: 250 * time.Millisecond, Patience: 6 * time.Minute, Out: &told})

	t.Log(told.String())
	if err != nil {
		t.Log(tail(t, dir))
	}
	require.NoError(t, err)
	byName := map[string]whole.Count{}
	for _, c := range counts {
		t.Logf("%s %d of %d", c.Name, c.Count, c.Of)
		require.Truef(t, c.Good(), "%s is %d of %d, and must be %d", c.Name, c.Count, c.Of, c.Want)
		byName[c.Name] = c
	}
	// Zeros of nothing say nothing.
	for _, name := range []string{"lifecycles_closed", "processes_killed", "decisions_taken", "duplicate_tickets", "messages_told_twice"} {
		require.Positive(t, byName["whole/"+name].Of, name)
	}
	require.Positive(t, byName["whole/decisions_taken"].Count, "people are heard")
}

// tail is the end of what the daemon said.
func tail(t *testing.T, dir string) string {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	require.NoError(t, err)
	require.Len(t, logs, 1)
	raw, err := os.ReadFile(logs[0])
	require.NoError(t, err)
	return string(raw[max(0, len(raw)-8<<10):])
}
