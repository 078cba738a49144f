package exposure_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
)

func TestAnExposureJoinsACampaignOnceAndStays(t *testing.T) {
	until := time.Date(2026, 12, 4, 17, 0, 0, 0, time.UTC)
	var e exposure.Exposure
	require.True(t, e.Join(exposure.Membership{Campaign: "kev", Until: until}))
	require.False(t, e.Join(exposure.Membership{Campaign: "kev", Until: until.Add(time.Hour)}))
	require.Equal(t, until, e.Hastened().Until)
	before := e
	require.True(t, e.Release("kev"))
	require.False(t, e.Release("kev"))
	require.False(t, e.Release("other"))
	require.Nil(t, e.Hastened())
	require.NotNil(t, e.MemberOf("kev"))
	require.NotNil(t, before.Hastened(), "a copy is left alone")
}

func TestAnExposureIsInABoundedNumberOfCampaigns(t *testing.T) {
	until := time.Date(2026, 12, 4, 17, 0, 0, 0, time.UTC)
	var e exposure.Exposure
	for n := range 40 {
		m := exposure.Membership{Campaign: "c" + strconv.Itoa(n), Until: until}
		if n == 3 {
			m.Until = time.Time{}
		}
		e.Join(m)
	}
	require.Len(t, e.Campaigns, 32)
	require.Nil(t, e.MemberOf("c3"), "one that has ended makes room")
	require.NotNil(t, e.MemberOf("c32"))
	require.Nil(t, e.MemberOf("c33"), "one that runs doesn't")
}

func TestWhoSurvivesAMergeTakesOverTheCampaigns(t *testing.T) {
	survivor := exposure.Exposure{ID: "a", Campaigns: []exposure.Membership{{Campaign: "kev"}}}
	other := exposure.Exposure{ID: "b", Campaigns: []exposure.Membership{{Campaign: "kev"}, {Campaign: "tls"}}}
	got, changed := exposure.TakeOver(survivor, other)
	require.True(t, changed)
	require.Len(t, got.Campaigns, 2)
	_, changed = exposure.TakeOver(got, other)
	require.False(t, changed, "twice is once")
}
