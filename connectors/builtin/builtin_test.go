package builtin

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

func TestListIsSortedAndNamesEachConnectorOnce(t *testing.T) {
	list := List()
	names := make([]string, 0, len(list))
	for _, reg := range list {
		names = append(names, reg.Name)
		found, err := Find(reg.Name)
		require.NoError(t, err)
		require.Equal(t, reg.Title, found.Title)
	}
	require.True(t, slices.IsSorted(names), names)
	require.Equal(t, names, slices.Compact(slices.Clone(names)))
}

func TestEachConnectorStandsAmongItsLike(t *testing.T) {
	of := func(list []connectors.Registration, is func(r connectors.Registration) bool) {
		t.Helper()
		for _, reg := range list {
			require.True(t, is(reg), reg.Name)
		}
	}
	of(reports(), func(r connectors.Registration) bool { return !r.Inventory && r.API == "" && r.Recognize != nil })
	of(services(), func(r connectors.Registration) bool { return !r.Inventory && r.API != "" && r.Recognize != nil })
	of(inventories(), func(r connectors.Registration) bool { return r.Inventory })
	of(intelligence(), func(r connectors.Registration) bool { return r.API != "" && r.Recognize == nil })
	of(outlets(), func(r connectors.Registration) bool { return r.Recognize == nil })
}

func TestFindListsTheNamesWhenItFindsNone(t *testing.T) {
	_, err := Find("nucleii")
	require.Equal(t, fault.NotFound, fault.KindOf(err))
	require.ErrorContains(t, err, "nuclei")
}

func TestRecognizePicksTheSurestAndRefusesToGuess(t *testing.T) {
	sure := func(name string, n int) connectors.Registration {
		return connectors.Registration{Name: name, Recognize: func([]byte, string) int { return n }}
	}
	tests := []struct {
		name string
		list []connectors.Registration
		want string
		err  string
	}{
		{"the surest wins", []connectors.Registration{sure("a", 50), sure("b", 90), sure("c", 10)}, "b", ""},
		{"a tie is no answer", []connectors.Registration{sure("a", 50), sure("b", 50)}, "", "a or b"},
		{"a tie below the surest doesn't matter", []connectors.Registration{sure("a", 50), sure("b", 50), sure("c", 60)}, "c", ""},
		{"nobody knows it", []connectors.Registration{sure("a", 0), {Name: "tracker"}}, "", "no connector recognises"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := recognize(tt.list, nil, "")
			require.Equal(t, tt.want, got.Name)
			if tt.err != "" {
				require.Equal(t, fault.Invalid, fault.KindOf(err))
				require.ErrorContains(t, err, tt.err)
			}
		})
	}
}

// What a thing is, a source that does nothing but count things knows best. A prober isn't
// one: it sees what answers, and not what that is.
func TestWhatReportsThingsAndNoFindingsIsAnInventory(t *testing.T) {
	probers := []string{"projectdiscovery"}
	for _, reg := range List() {
		if slices.Contains(probers, reg.Name) {
			continue
		}
		findings, assets := 0, 0
		for _, s := range reg.Samples {
			findings += s.Findings
			assets += s.Assets
		}
		if findings == 0 && assets > 0 {
			require.True(t, reg.Inventory, reg.Name)
		}
	}
}
