package connectors_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
)

func TestAddressesOfScannersAreTakenApart(t *testing.T) {
	tests := []struct {
		target, host, port, location, without string
	}{
		{"https://Example.com", "example.com", "443", "443/tcp", ""},
		{"https://example.com/", "example.com", "443", "443/tcp", ""},
		{"http://example.com:8080/WebGoat?x=1#y", "example.com", "8080", "8080/tcp/WebGoat", ""},
		{"example.com:22", "example.com", "22", "22/tcp", ""},
		{"example.com", "example.com", "", "", ""},
		{"example.com./a/../b", "example.com", "", "/a/../b", ""},
		{"https://[2001:db8::1]:8443/x", "2001:db8::1", "8443", "8443/tcp/x", ""},
		{"[2001:db8::1]", "2001:db8::1", "", "", ""},
		{"2001:db8::1", "2001:db8::1", "", "", ""},
		{"https://ann:s3cret@example.com/p@th", "example.com", "443", "443/tcp/p@th", "https://example.com/p@th"},
		{"ann:s3cret@example.com:22", "example.com", "22", "22/tcp", "example.com:22"},
		{"https://example.com?next=http://a@b", "example.com", "443", "443/tcp", ""},
		{"https://example.com/%zz{{payload}}", "example.com", "443", "443/tcp/%zz{{payload}}", ""},
		{"wss://example.com/socket", "example.com", "443", "443/tcp/socket", ""},
		{"", "", "", "", ""},
		{"://", ":", "", "//", ""},
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			a := connectors.ParseAddress(tt.target)
			require.Equal(t, tt.host, a.Host)
			require.Equal(t, tt.port, a.Port)
			require.Equal(t, tt.location, a.Location())
			if tt.without == "" {
				tt.without = tt.target
			}
			require.Equal(t, tt.without, a.Without(tt.target))
		})
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add("https://ann:s3cret@[::1]:8443/x?y#z")
	f.Fuzz(func(t *testing.T, target string) {
		a := connectors.ParseAddress(target)
		require.NotContains(t, a.Location(), "\x00")
		require.NotContains(t, a.Path, "?")
		_ = a.Without(target) // must not panic
		_ = a.HostPort()
	})
}
