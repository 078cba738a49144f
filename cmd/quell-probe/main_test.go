package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/probe"
)

func TestFlagsGoOverTheFileWhereverTheyStand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "probe.yaml")
	require.NoError(t, os.WriteFile(path, []byte("vantage: dc1\ntemplates: [from-file]\ntimeout: 30s\nmax_probes: 7\n"), 0o600))
	for _, args := range [][]string{
		{"--vantage", "internet", "--templates", "a", "--templates", "b", "--config", path},
		{"-config=" + path, "--vantage=internet", "--templates=a", "--templates=b"},
	} {
		c, err := parse(args, io.Discard)
		require.NoError(t, err)
		require.Equal(t, "internet", c.Vantage)
		require.Equal(t, []string{"a", "b"}, c.Templates)
		require.Equal(t, 30*time.Second, c.Timeout)
		require.Equal(t, 7, c.MaxProbes)
		require.Equal(t, 4, c.Concurrency, "the default")
	}
}

func TestMistakesOnTheCommandLineEndWithTheirOwnCode(t *testing.T) {
	var said bytes.Buffer
	require.Equal(t, probe.ExitUsage, run([]string{"--no-such-flag"}, nil, &said))
	require.Equal(t, probe.ExitUsage, run([]string{"stray"}, nil, &said))
	require.Equal(t, probe.ExitUsage, run([]string{"--config", "/nonexistent"}, nil, &said))
	require.Equal(t, probe.ExitConfig, run([]string{"--vantage", "dc1"}, nil, &said))
	require.Contains(t, said.String(), "evidence.url")
	require.Equal(t, probe.ExitOK, run([]string{"-h"}, nil, &said))
}

func TestAChildThatWasStartedByHandSaysSo(t *testing.T) {
	var said bytes.Buffer
	require.Equal(t, probe.ExitConfig, run([]string{childFlag}, strings.NewReader("{}\n"), &said))
	require.Contains(t, said.String(), "quell-probe starts it")
}
