package scope_test

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"
	_ "time/tzdata" // the tests mean the same on machines without time zones

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/scope"
)

// monday noon, UTC.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func request() scope.ProbeRequest {
	return scope.ProbeRequest{At: noon, Addr: netip.MustParseAddr("93.184.216.34"), Port: 443, Protocol: "http", Vantage: "internet"}
}

func TestTheRulesOfEngagement(t *testing.T) {
	for _, tt := range []struct {
		name string
		e    scope.Engagement
		ask  func(*scope.ProbeRequest)
		why  string // part of the reason; empty: allowed
	}{
		{"consent is enough for a public address", scope.Engagement{Probe: true}, nil, ""},
		{"the zero value forbids", scope.Engagement{}, nil, "nobody consented"},
		{"the right vantage", scope.Engagement{Probe: true, Vantage: "internet"}, nil, ""},
		{"another vantage", scope.Engagement{Probe: true, Vantage: "dc1"}, nil, `vantage "dc1" only`},
		{"an allowed port", scope.Engagement{Probe: true, Ports: []string{"80", "400-499"}}, nil, ""},
		{"a port beyond the range", scope.Engagement{Probe: true, Ports: []string{"80", "400-442"}}, nil, "port 443 is not allowed"},
		{"no port", scope.Engagement{Probe: true}, func(r *scope.ProbeRequest) { r.Port = 0 }, "0 is not a port"},
		{"an allowed protocol", scope.Engagement{Probe: true, Protocols: []string{"http"}}, nil, ""},
		{"another protocol", scope.Engagement{Probe: true, Protocols: []string{"dns", "ssl"}}, nil, `"http" is not allowed, only dns, ssl`},
		{"a protocol of no probe", scope.Engagement{Probe: true}, func(r *scope.ProbeRequest) { r.Protocol = "code" }, `"code" is not allowed`},
		{"inside the networks", scope.Engagement{Probe: true, Networks: []string{"93.184.0.0/16"}}, nil, ""},
		{"outside the networks", scope.Engagement{Probe: true, Networks: []string{"93.185.0.0/16"}}, nil, "none of the allowed networks"},
		{"no address", scope.Engagement{Probe: true}, func(r *scope.ProbeRequest) { r.Addr = netip.Addr{} }, "no address"},
		{"a slip in a rule narrows", scope.Engagement{Probe: true, Ports: []string{"443", "all"}}, nil, "can't be understood"},
		{"inside the window", scope.Engagement{Probe: true, Windows: []scope.Window{{From: "11:00", To: "13:00"}}}, nil, ""},
		{"outside the window", scope.Engagement{Probe: true, Windows: []scope.Window{{From: "22:00", To: "06:00"}}}, nil, "2026-11-23T22:00:00Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := request()
			if tt.ask != nil {
				tt.ask(&r)
			}
			err := tt.e.Allows(r)
			if tt.why == "" {
				require.NoError(t, err)
				return
			}
			var refused *scope.RefusedError
			require.ErrorAs(t, err, &refused)
			require.Contains(t, refused.Reason, tt.why)
		})
	}
}

func TestAddressesThatAreNotPublic(t *testing.T) {
	for _, text := range []string{
		"127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.1.1", "169.254.169.254", "100.64.0.1",
		"100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
		"::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "2001::1", "64:ff9b:1::1",
	} {
		t.Run(text, func(t *testing.T) {
			r := request()
			r.Addr = netip.MustParseAddr(text)
			require.Error(t, scope.Engagement{Probe: true}.Allows(r), "no networks means public ones")
			require.Error(t, scope.Engagement{Probe: true, Networks: []string{"0.0.0.0/0", "::/0"}}.Allows(r), "everything doesn't mean this host")
			own := r.Addr.Unmap().WithZone("").String()
			require.NoError(t, scope.Engagement{Probe: true, Networks: []string{own}}.Allows(r), "named itself, it is meant")
		})
	}
	for _, text := range []string{"8.8.8.8", "2606:4700::1111", "100.128.0.1", "172.32.0.1", "11.0.0.1"} {
		r := request()
		r.Addr = netip.MustParseAddr(text)
		require.NoError(t, scope.Engagement{Probe: true}.Allows(r), text)
	}
}

func TestAPrivateNetworkGrantsItsHostsButNotTheMetadataService(t *testing.T) {
	e := scope.Engagement{Probe: true, Networks: []string{"10.0.0.0/8", "169.254.0.0/16"}}
	r := request()
	r.Addr = netip.MustParseAddr("10.200.0.1")
	require.NoError(t, e.Allows(r))
	r.Addr = netip.MustParseAddr("169.254.7.7")
	require.NoError(t, e.Allows(r))
	r.Addr = netip.MustParseAddr("169.254.169.254")
	require.ErrorContains(t, e.Allows(r), "metadata")
}

func TestWindowsFollowTheWallClock(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := func(text string) time.Time {
		parsed, err := time.ParseInLocation("2006-01-02 15:04", text, berlin)
		require.NoError(t, err)
		return parsed
	}
	night := []scope.Window{{From: "22:00", To: "06:00", Location: "Europe/Berlin", Days: []scope.Day{scope.Day(time.Friday)}}}
	gap := []scope.Window{{From: "02:40", To: "04:00", Location: "Europe/Berlin"}}
	noGap := []scope.Window{{From: "02:10", To: "02:50", Location: "Europe/Berlin"}}
	whole := []scope.Window{{From: "00:00", To: "24:00", Days: []scope.Day{scope.Day(time.Sunday)}}}
	for _, tt := range []struct {
		name    string
		windows []scope.Window
		at      time.Time
		next    time.Time
	}{
		{"on the evening itself", night, at("2026-11-27 22:00"), at("2026-11-27 22:00")},
		{"past midnight it is still Friday's window", night, at("2026-11-28 05:59"), at("2026-11-28 05:59")},
		{"the end is outside", night, at("2026-11-28 06:00"), at("2026-12-04 22:00")},
		{"Friday's early morning is Thursday's night", night, at("2026-11-27 03:00"), at("2026-11-27 22:00")},
		{"the clock leaps over the hour in spring", gap, at("2026-03-29 01:00"), at("2026-03-29 03:00")},
		{"the clock leaps over the whole window", noGap, at("2026-03-29 01:00"), at("2026-03-30 02:10")},
		{"the hour comes twice in autumn", noGap, at("2026-10-25 02:55").Add(-time.Hour).UTC(), time.Date(2026, 10, 25, 1, 10, 0, 0, time.UTC)},
		{"a whole day", whole, noon, time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := scope.Engagement{Probe: true, Windows: tt.windows}
			next := e.NextOpening(tt.at)
			require.True(t, tt.next.Equal(next), "want %s, got %s", tt.next.UTC(), next)
			r := request()
			r.At = tt.at
			require.Equal(t, tt.next.Equal(tt.at), e.Allows(r) == nil)
		})
	}
}

func TestNothingIsOpenBeforeTheNextOpening(t *testing.T) {
	clock := rapid.StringMatching(`([01][0-9]|2[0-3]):[0-5][0-9]`)
	window := rapid.Custom(func(t *rapid.T) scope.Window {
		w := scope.Window{From: clock.Draw(t, "from"), To: clock.Draw(t, "to"),
			Location: rapid.SampledFrom([]string{"", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"}).Draw(t, "zone")}
		for _, d := range rapid.SliceOfNDistinct(rapid.IntRange(0, 6), 0, 3, rapid.ID).Draw(t, "days") {
			w.Days = append(w.Days, scope.Day(d))
		}
		return w
	})
	rapid.Check(t, func(t *rapid.T) {
		e := scope.Engagement{Probe: true, Windows: []scope.Window{window.Draw(t, "window")}}
		if rapid.Bool().Draw(t, "two scopes") {
			e.Also = []scope.Engagement{{Probe: true, Windows: []scope.Window{window.Draw(t, "other")}}}
		}
		season := rapid.SampledFrom([]time.Time{noon, time.Date(2026, 4, 3, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC)}).Draw(t, "season")
		at := season.Add(time.Duration(rapid.IntRange(0, 3*24*60).Draw(t, "minutes")) * time.Minute)
		next := e.NextOpening(at)
		r := request()
		end := next
		if next.IsZero() {
			end = at.Add(24 * time.Hour)
		} else {
			r.At = next
			require.NoError(t, e.Allows(r), "it says %s", next)
		}
		for minute, n := at, 0; minute.Before(end) && n < 30; minute, n = minute.Add(17*time.Minute), n+1 {
			r.At = minute
			require.Error(t, e.Allows(r), "open at %s, before %s", minute, next)
		}
	})
}

func TestWindowsThatNeverMeetRefuseForGood(t *testing.T) {
	e := scope.Engagement{Probe: true, Windows: []scope.Window{{From: "01:00", To: "02:00"}},
		Also: []scope.Engagement{{Probe: true, Windows: []scope.Window{{From: "03:00", To: "04:00"}}}}}
	require.Zero(t, e.NextOpening(noon))
	require.ErrorContains(t, e.Allows(request()), "never open at the same time")
	require.Zero(t, scope.Engagement{}.NextOpening(noon), "without consent there is no opening")
}

func TestTheStrictestOfSeveralScopes(t *testing.T) {
	all := []scope.Rule{{Name: "*"}}
	a := asset.Asset{Name: "x"}
	with := func(engagements ...*scope.Engagement) scope.Engagement {
		scopes := make([]scope.Scope, 0, len(engagements))
		for i, e := range engagements {
			scopes = append(scopes, scope.Scope{Name: string(rune('a' + i)), Include: all, Engagement: e})
		}
		return compile(t, scopes...).EngagementFor(a)
	}
	require.Error(t, with().Allows(request()), "an asset in no scope")
	require.Error(t, with(nil).Allows(request()), "a scope that says nothing")
	require.NoError(t, with(nil, &scope.Engagement{Probe: true}).Allows(request()), "one consents, the other says nothing")
	require.Error(t, with(&scope.Engagement{Probe: true}, &scope.Engagement{}).Allows(request()), "one consents, the other forbids")
	require.Error(t, with(&scope.Engagement{Probe: true}, &scope.Engagement{Probe: true, Ports: []string{"80"}}).Allows(request()), "both must allow")
	require.Error(t, with(&scope.Engagement{Probe: true, Vantage: "internet"}, &scope.Engagement{Probe: true, Vantage: "dc1"}).Allows(request()))

	e := with(&scope.Engagement{Probe: true, RatePerHost: 10}, &scope.Engagement{Probe: true, RatePerHost: 2, Vantage: "internet"})
	require.InDelta(t, 2, e.Rate(), 0)
	require.InDelta(t, 2, e.RatePerHost, 0, "readers of the field see the slowest rate too")
	require.Equal(t, "internet", e.Vantage)
	require.InDelta(t, 5, scope.Engagement{}.Rate(), 0)

	b, err := json.Marshal(e)
	require.NoError(t, err)
	var back scope.Engagement
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, e, back, "the rules travel to the probe whole")
}

func TestAddingAScopeNeverAllowsMoreThanItForbids(t *testing.T) {
	engagement := rapid.Custom(func(t *rapid.T) *scope.Engagement {
		return rapid.SampledFrom([]*scope.Engagement{
			{}, {Probe: true}, {Probe: true, Ports: []string{"80"}}, {Probe: true, Vantage: "dc1"}, {Probe: true, Protocols: []string{"http"}},
			{Probe: true, Windows: []scope.Window{{From: "11:00", To: "13:00"}}}, {Probe: true, Windows: []scope.Window{{From: "13:00", To: "14:00"}}},
		}).Draw(t, "engagement")
	})
	rapid.Check(t, func(t *rapid.T) {
		engagements := rapid.SliceOfN(engagement, 1, 4).Draw(t, "engagements")
		scopes := make([]scope.Scope, 0, len(engagements))
		allowed := true
		for i, e := range engagements {
			scopes = append(scopes, scope.Scope{Name: string(rune('a' + i)), Include: []scope.Rule{{Name: "*"}}, Engagement: e})
			allowed = allowed && e.Allows(request()) == nil
		}
		set, errs := scope.Compile(scopes)
		require.Empty(t, errs)
		require.Equal(t, allowed, set.EngagementFor(asset.Asset{Name: "x"}).Allows(request()) == nil)
	})
}

func FuzzEngagement(f *testing.F) {
	f.Add([]byte(`{"probe":true,"networks":["10.0.0.0/8"],"ports":["1-65535"],"windows":[{"from":"22:00","to":"06:00","location":"Europe/Berlin"}]}`), "10.0.0.1")
	f.Add([]byte(`{"probe":true,"also":[{"probe":true,"windows":[{"days":["mon"],"from":"00:00","to":"24:00"}]}]}`), "::ffff:127.0.0.1")
	f.Fuzz(func(t *testing.T, raw []byte, address string) {
		var e scope.Engagement
		if json.Unmarshal(raw, &e) != nil {
			return
		}
		addr, err := netip.ParseAddr(address)
		if err != nil {
			return
		}
		r := request()
		r.Addr = addr
		if e.Allows(r) == nil {
			require.True(t, e.Probe)
			require.False(t, len(e.Networks) == 0 && addr.Unmap().IsPrivate())
		}
	})
}
