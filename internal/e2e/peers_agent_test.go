//go:build peers

package e2e

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
)

// TestARealAgentPushesItsInventory has FusionInventory's agent ask, authenticate and push,
// as it does on every machine of an organisation that runs it.
func TestARealAgentPushesItsInventory(t *testing.T) {
	d := newDaemonWith(t, func(dir string) string {
		password := filepath.Join(dir, "agent.password")
		require.NoError(t, os.WriteFile(password, []byte("agent-password"), 0o600))
		return "sources:\n  - name: agents\n    connector: glpi\n    zone: lab\n    config: {user: agent, password: \"${file:" + password + "}\"}\n"
	})
	state := t.TempDir()
	for range 2 { // the second push is of the same machine
		out := tool(t, state, "fusioninventory-agent", "--server", d.info.URL+"/hooks/agents", "--user", "agent", "--password", "agent-password",
			"--force", "--tasks=inventory", "--no-category=software,process,user", "--logger=stderr", "--no-httpd", "--tag=lab", "--wait=0")
		_ = out // it says what it did on its standard error, and we see what came
	}
	var found []asset.Asset
	d.until("the inventory of this machine", func() bool {
		found = nil
		for item, err := range d.api.Assets(t.Context(), url.Values{"source": {"agents"}}, 0) {
			require.NoError(t, err)
			found = append(found, item.Value)
		}
		return len(found) > 0
	})
	require.Len(t, found, 1, "one machine, however often it pushes")
	require.Equal(t, asset.Host, found[0].Kind)
	name, err := os.Hostname()
	require.NoError(t, err)
	require.Contains(t, found[0].Name, name)
	d.stop()
}
