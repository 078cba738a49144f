package storetest

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

func identifiers(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))

	t.Run("of sixteen ingests claiming one new host each key goes to one, and all are told the same", func(t *testing.T) {
		var mu sync.Mutex
		var told []map[string]asset.ID
		var group errgroup.Group
		for n := range writers {
			group.Go(func() error {
				claims := map[string]asset.ID{}
				for _, key := range []string{"fqdn||web1.example.com", "mac|dc1|00:50:56:00:00:01", "serial|Dell|ABC"} {
					claims[key] = asset.ID(fmt.Sprintf("asset-%02d", n))
				}
				owners, err := s.ClaimIdentifiers(t.Context(), claims)
				mu.Lock()
				defer mu.Unlock()
				told = append(told, owners)
				return err
			})
		}
		require.NoError(t, group.Wait())
		require.Len(t, told[0], 3)
		for _, owners := range told {
			require.Equal(t, told[0], owners)
		}
		owners, err := s.IdentifierOwners(t.Context(), append(slices.Collect(maps.Keys(told[0])), "unknown"))
		require.NoError(t, err)
		require.Equal(t, told[0], owners)
	})

	t.Run("a key of any length and any text is claimed", func(t *testing.T) {
		long := string(slices.Repeat([]byte("x"), 5000))
		claims := map[string]asset.ID{"label|s|" + long + "1": "one", "label|s|" + long + "2": "two", "label|s|.$a\x00": "three"}
		owners, err := s.ClaimIdentifiers(t.Context(), claims)
		require.NoError(t, err)
		require.Equal(t, claims, owners)
	})

	t.Run("keys move with a merge and back with its undo, and nobody else's", func(t *testing.T) {
		_, err := s.ClaimIdentifiers(t.Context(), map[string]asset.ID{"k1": "a", "k2": "a", "k3": "other"})
		require.NoError(t, err)
		keys := []string{"k1", "k2", "k3", "k4"}
		for range 2 { // a replay changes nothing
			require.NoError(t, s.MoveIdentifiers(t.Context(), keys, "a", "b"))
			owners, err := s.IdentifierOwners(t.Context(), keys)
			require.NoError(t, err)
			require.Equal(t, map[string]asset.ID{"k1": "b", "k2": "b", "k3": "other"}, owners)
		}
		require.NoError(t, s.MoveIdentifiers(t.Context(), keys[:1], "b", "a"))
		owners, err := s.IdentifierOwners(t.Context(), keys)
		require.NoError(t, err)
		require.Equal(t, map[string]asset.ID{"k1": "a", "k2": "b", "k3": "other"}, owners)
	})
}

func edges(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))
	node := asset.Identifier{Kind: asset.Hostname, Scope: "dc1", Value: "node1"}
	edge := func(from asset.ID, source string) asset.KnownEdge {
		return asset.KnownEdge{ID: asset.EdgeID(from, asset.EdgeRunsOn, node, source), Version: 1, From: from, Source: source, FirstSeen: epoch, LastSeen: epoch,
			Edge: asset.Edge{Kind: asset.EdgeRunsOn, To: node, ToKind: asset.Host, ToName: "node1", Note: "as root"}}
	}

	t.Run("an edge is one however often it is told, and found from both of its ends", func(t *testing.T) {
		one, two, other := edge("01A", "k8s"), edge("01B", "k8s"), edge("01A", "fleet")
		for range 2 {
			require.NoError(t, s.PutEdges(t.Context(), []asset.KnownEdge{one, two, other}))
		}
		one.Version, one.LastSeen = 2, epoch.Add(time.Second)
		require.NoError(t, s.PutEdges(t.Context(), []asset.KnownEdge{one}))
		got, err := s.Edges(t.Context(), []string{one.ID, "none"})
		require.NoError(t, err)
		require.Equal(t, map[string]asset.KnownEdge{one.ID: one}, got)

		page, err := s.EdgesFrom(t.Context(), []asset.ID{"01A", "01C"}, exposure.List{})
		require.NoError(t, err)
		require.ElementsMatch(t, []asset.KnownEdge{one, other}, page.Items)
		var all []asset.KnownEdge
		for cursor := ""; ; cursor = page.Next {
			page, err = s.EdgesTo(t.Context(), []string{node.Key(), "fqdn||none"}, exposure.List{Limit: 2, Cursor: cursor})
			require.NoError(t, err)
			if all = append(all, page.Items...); page.Next == "" {
				break
			}
		}
		require.ElementsMatch(t, []asset.KnownEdge{one, two, other}, all)
	})
}

func statements(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))
	said := func(source, id, vulnerability string, days int, aliases ...string) exposure.Statement {
		return exposure.Statement{ID: id, Source: source, Version: 1, Vulnerability: vulnerability, Aliases: aliases, Status: exposure.StatementAffected, Document: "doc", At: day(days)}
	}

	t.Run("statements are found by each name of what they speak of, and by their document", func(t *testing.T) {
		one, two, other := said("vex", "1", "CVE-2024-1", 1, "ghsa-a"), said("vex", "2", "CVE-2024-2", 3), said("other", "1", "CVE-2024-1", 2)
		for range 2 {
			require.NoError(t, s.PutStatements(t.Context(), []exposure.Statement{one, two, other}))
		}
		about, err := s.StatementsAbout(t.Context(), []string{"GHSA-A", "CVE-2024-2", "CVE-2024-9"})
		require.NoError(t, err)
		require.ElementsMatch(t, []exposure.Statement{one, two}, about)
		about, err = s.StatementsAbout(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, about, "nothing asked is nothing found")
		one.Version, one.Withdrawn = 2, day(4)
		require.NoError(t, s.PutStatements(t.Context(), []exposure.Statement{one}))
		known, err := s.Statements(t.Context(), "vex", []string{"1", "9"})
		require.NoError(t, err)
		require.Equal(t, map[string]exposure.Statement{"1": one}, known)
		of, err := s.StatementsOf(t.Context(), "vex", "doc")
		require.NoError(t, err)
		require.ElementsMatch(t, []exposure.Statement{one, two}, of)
		page, err := s.FindStatements(t.Context(), exposure.StatementFilter{Vulnerability: "CVE-2024-1"}, exposure.List{Limit: 1})
		require.NoError(t, err)
		require.Equal(t, []exposure.Statement{other}, page.Items, "newest first")
		page, err = s.FindStatements(t.Context(), exposure.StatementFilter{Vulnerability: "CVE-2024-1"}, exposure.List{Limit: 1, Cursor: page.Next})
		require.NoError(t, err)
		require.Equal(t, []exposure.Statement{one}, page.Items)
	})
}

func retirements(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))
	t.Run("an asset is due once, when it was said last", func(t *testing.T) {
		require.NoError(t, s.PutRetirements(t.Context(), []asset.Retirement{{Asset: "01A", Due: day(1)}, {Asset: "01B", Due: day(2)}, {Asset: "01C", Due: day(3)}}))
		require.NoError(t, s.PutRetirements(t.Context(), []asset.Retirement{{Asset: "01A", Due: day(3)}}))
		due, err := s.DueRetirements(t.Context(), day(2), 10)
		require.NoError(t, err)
		require.Equal(t, []asset.Retirement{{Asset: "01B", Due: day(2)}}, due)
		for range 2 {
			require.NoError(t, s.DropRetirements(t.Context(), []asset.ID{"01B", "none"}))
		}
		due, err = s.DueRetirements(t.Context(), day(9), 1)
		require.NoError(t, err)
		require.Len(t, due, 1)
	})
}
