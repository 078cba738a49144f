// Package deploy_test reads what an operator starts from, without a container engine: the Compose file, the Dockerfile and the systemd
// units must be well-formed, locked down as they say, and free of secrets.
package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// compose is the part of the Compose format that the tests look at.
type compose struct {
	Services map[string]service        `yaml:"services"`
	Networks map[string]network        `yaml:"networks"`
	Volumes  map[string]struct{}       `yaml:"volumes"`
	Secrets  map[string]map[string]any `yaml:"secrets"`
}

type network struct {
	Internal bool `yaml:"internal"`
}

type service struct {
	Image       string            `yaml:"image"`
	Build       map[string]any    `yaml:"build"`
	User        string            `yaml:"user"`
	ReadOnly    bool              `yaml:"read_only"`
	Privileged  bool              `yaml:"privileged"`
	CapDrop     []string          `yaml:"cap_drop"`
	SecurityOpt []string          `yaml:"security_opt"`
	Environment map[string]string `yaml:"environment"`
	Volumes     []string          `yaml:"volumes"`
	Ports       []string          `yaml:"ports"`
	Secrets     []string          `yaml:"secrets"`
	Networks    []string          `yaml:"networks"`
	DependsOn   map[string]any    `yaml:"depends_on"`
}

func readCompose(t *testing.T) compose {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("compose", "compose.yaml"))
	require.NoError(t, err)
	var c compose
	require.NoError(t, yaml.Unmarshal(text, &c))
	require.NotEmpty(t, c.Services)
	return c
}

func TestEveryContainerIsLockedDown(t *testing.T) {
	t.Parallel()
	for name, s := range readCompose(t).Services {
		assert.False(t, s.Privileged, name)
		assert.Equal(t, []string{"ALL"}, s.CapDrop, name)
		assert.Equal(t, []string{"no-new-privileges:true"}, s.SecurityOpt, name)
		assert.Regexp(t, `:[0-9]|:\$\{QUELL_VERSION`, s.Image, "%s has a pinned image", name)
		for _, port := range s.Ports {
			assert.Regexp(t, `^127\.0\.0\.1:`, port, "%s is published on loopback only", name)
		}
		if s.Build != nil {
			assert.True(t, s.ReadOnly, name)
			assert.Equal(t, "65532:65532", s.User, name)
		}
	}
}

func TestTheProbeReachesNeitherTheDatabasesNorTheirSecrets(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	require.Contains(t, c.Services, "probe")
	assert.NotContains(t, c.Services["probe"].Networks, "store")
	assert.NotContains(t, c.Services["probe"].Secrets, "store_uri")
	assert.True(t, c.Networks["store"].Internal)
	for name, s := range c.Services {
		if strings.HasPrefix(s.Image, "mongo") || strings.HasPrefix(s.Image, "postgres") {
			assert.Equal(t, []string{"store"}, s.Networks, name)
			assert.Empty(t, s.Ports, name)
		}
	}
}

func TestComposeRefersOnlyToWhatThereIs(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	for name, s := range c.Services {
		for _, n := range s.Networks {
			assert.Contains(t, c.Networks, n, name)
		}
		for _, secret := range s.Secrets {
			assert.Contains(t, c.Secrets, secret, name)
		}
		for other := range s.DependsOn {
			assert.Contains(t, c.Services, other, name)
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			switch {
			case strings.HasPrefix(from, "${"): // named by the operator
			case strings.HasPrefix(from, "."):
				assert.FileExists(t, filepath.Join("compose", firstFile(t, from)), name)
			default:
				assert.Contains(t, c.Volumes, from, name)
			}
		}
	}
	for name, secret := range c.Secrets {
		assert.Equal(t, map[string]any{"file": "./secrets/" + name}, secret, "a secret is a file that is never committed")
	}
	ignored, err := os.ReadFile(filepath.Join("compose", ".gitignore"))
	require.NoError(t, err)
	assert.Contains(t, string(ignored), "/secrets/")
}

// firstFile is a mounted file, or the first one in a mounted directory, so that an empty directory is not taken for a configuration.
func firstFile(t *testing.T, path string) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join("compose", path))
	if err != nil {
		return path
	}
	require.NotEmpty(t, entries, path)
	return filepath.Join(path, entries[0].Name())
}

func TestNoSecretStandsInWhatIsShipped(t *testing.T) {
	t.Parallel()
	// A key that sounds like a secret may only be followed by a reference, by the file that holds it, or by a list of names.
	named := regexp.MustCompile(`(?i)^\s*-?\s*"?[a-z_.]*(password|passwd|_pwd|token|secret|api_?key|private_key|\bkey)"?\s*[:=]\s*(.+)$`)
	allowed := regexp.MustCompile(`^"?(\$\{|/run/|\./secrets/|#)`)
	inURL := regexp.MustCompile(`://[^/\s:@]+:[^/\s:@$]+@`)
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains([]string{".yaml", ".service", ""}, filepath.Ext(path)) {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			if m := named.FindStringSubmatch(line); m != nil {
				assert.Regexp(t, allowed, m[2], "%s:%d", path, i+1)
			}
			assert.NotRegexp(t, inURL, line, "%s:%d", path, i+1)
		}
		return nil
	})
	require.NoError(t, err)
}

func TestTheImagesHoldNoShellAndRunAsNobody(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("Dockerfile")
	require.NoError(t, err)
	stages := map[string]string{} // name → what it is built from
	stage, body := "", map[string]string{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) == 4 && f[0] == "FROM" && f[2] == "AS" {
			stage = f[3]
			stages[stage] = f[1]
			continue
		}
		body[stage] += line
	}
	for _, final := range []string{"quell", "quell-probe"} {
		assert.Equal(t, "base", stages[final])
		assert.NotContains(t, body[final], "RUN ", "there is no shell to run it")
		assert.NotContains(t, body[final], "USER ", "the user is that of the base")
		assert.Contains(t, body[final], "/"+final)
	}
	assert.Equal(t, "scratch", stages["base"])
	assert.Contains(t, body["base"], "USER 65532:65532")
}

func TestTheUnitsAreLockedDown(t *testing.T) {
	t.Parallel()
	units, err := filepath.Glob(filepath.Join("systemd", "*.service"))
	require.NoError(t, err)
	require.Len(t, units, 3)
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		require.NoError(t, err)
		for _, line := range []string{
			"CapabilityBoundingSet=", "DynamicUser=yes", "MemoryDenyWriteExecute=yes", "NoNewPrivileges=yes",
			"PrivateDevices=yes", "ProtectHome=yes", "ProtectSystem=strict", "SystemCallFilter=@system-service",
		} {
			assert.Contains(t, strings.Split(string(text), "\n"), line, unit)
		}
	}
}
