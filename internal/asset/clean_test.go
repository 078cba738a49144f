package asset_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
)

func TestValuesThatManyAssetsShareAreRefusedOneByOne(t *testing.T) {
	for _, c := range []struct {
		name  string
		kind  asset.IdentifierKind
		value string
	}{
		{"the IPv4 loopback", asset.IP, "127.0.0.1"},
		{"any of 127/8", asset.IP, "127.0.1.1"},
		{"the IPv6 loopback", asset.IP, "::1"},
		{"a loopback mapped into IPv6", asset.IP, "::ffff:127.0.0.1"},
		{"the unspecified IPv4 address", asset.IP, "0.0.0.0"},
		{"the unspecified IPv6 address", asset.IP, "::"},
		{"an IPv4 link-local address", asset.IP, "169.254.169.254"},
		{"an IPv6 link-local address", asset.IP, "fe80::1"},
		{"an IPv6 link-local address with its zone", asset.IP, "fe80::1%eth0"},
		{"Docker's first bridge", asset.IP, "172.17.0.93"},
		{"Docker's second bridge", asset.IP, "172.18.0.3"},
		{"Docker's bridge mapped into IPv6", asset.IP, "::ffff:172.17.0.1"},
		{"a multicast address", asset.IP, "224.0.0.1"},
		{"the broadcast address", asset.IP, "255.255.255.255"},
		{"a resolver typed into a CMDB", asset.IP, "1.1.1.1"},
		{"another resolver", asset.IP, "8.8.8.8"},
		{"an IPv6 resolver", asset.IP, "2001:4860:4860::8888"},
		{"redacted text in an address field", asset.IP, "[REDACTED]"},
		{"no address at all", asset.IP, "web1"},
		{"a loopback address as a name", asset.FQDN, "127.0.0.1"},
		{"the zero MAC", asset.MAC, "00:00:00:00:00:00"},
		{"the zero MAC without separators", asset.MAC, "000000000000"},
		{"the broadcast MAC", asset.MAC, "ff-ff-ff-ff-ff-ff"},
		{"a container's MAC", asset.MAC, "02:42:ac:11:00:02"},
		{"a group MAC", asset.MAC, "01:00:5e:00:00:fb"},
		{"a virtual router's MAC", asset.MAC, "00:00:5e:00:01:0a"},
		{"the host adapter of every VMware Workstation", asset.MAC, "00:50:56:C0:00:08"},
		{"a MAC too short", asset.MAC, "00:11:22"},
		{"an empty serial", asset.SerialNumber, ""},
		{"a serial of blanks", asset.SerialNumber, "   "},
		{"the serial None", asset.SerialNumber, "None"},
		{"the serial To be filled by O.E.M.", asset.SerialNumber, "To be filled by O.E.M."},
		{"the serial Default string", asset.SerialNumber, "Default string"},
		{"the serial System Serial Number", asset.SerialNumber, "System Serial Number"},
		{"a serial of zeros", asset.SerialNumber, "0000000"},
		{"the serial 0", asset.SerialNumber, "0"},
		{"a serial of one letter", asset.SerialNumber, "XXXXX"},
		{"the serial 1234567890", asset.SerialNumber, "1234567890"},
		{"a VMware serial", asset.SerialNumber, "VMware-56 4d 1c 8e 00 11 22 33-44 55 66 77 88 99 aa bb"},
		{"a Parallels serial", asset.SerialNumber, "Parallels-11 22"},
		{"a placeholder in angle brackets", asset.CloudResourceID, "<resource_uid>"},
		{"a template's variable", asset.SourceAssetID, "${asset_id}"},
		{"a redacted agent", asset.AgentID, "[REDACTED]"},
		{"the zero agent", asset.AgentID, "00000000-0000-0000-0000-000000000000"},
		{"the zero UUID", asset.BIOSUUID, "00000000-0000-0000-0000-000000000000"},
		{"the UUID of all F", asset.BIOSUUID, "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"},
		{"the UUID that boards are shipped with", asset.BIOSUUID, "03000200-0400-0500-0006-000700080009"},
		{"no UUID", asset.BIOSUUID, "Not Settable"},
		{"localhost", asset.Hostname, "localhost"},
		{"localhost with a domain", asset.FQDN, "localhost.localdomain"},
		{"a name under localhost", asset.FQDN, "app.localhost"},
		{"localhost6", asset.Hostname, "localhost6"},
		{"ip6-localhost", asset.Hostname, "ip6-localhost"},
		{"a container's name", asset.FQDN, "da7a8ca02894.vulnerable-net"},
		{"a reverse name", asset.FQDN, "1.0.0.10.in-addr.arpa"},
		{"a wildcard", asset.FQDN, "*.example.com"},
		{"the name unknown", asset.Hostname, "unknown"},
		{"an origin on localhost", asset.URLOrigin, "http://localhost:8080"},
		{"an origin on the loopback", asset.URLOrigin, "https://127.0.0.1"},
		{"an origin on a container bridge", asset.URLOrigin, "http://172.17.0.2:80/"},
		{"an origin without a host", asset.URLOrigin, "file:///etc/passwd"},
		{"the digest of nothing", asset.ImageDigest, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"an image's tag", asset.ImageDigest, "nginx:latest"},
		{"a repository without its owner", asset.RepositoryName, "website"},
		{"a control character", asset.Label, "a\x00b"},
		{"text that isn't UTF-8", asset.Label, "a\xffb"},
		{"text that turns the reading direction", asset.Label, "a\u202eb"},
		{"an endless value", asset.Label, strings.Repeat("ab", 4000)},
		{"an unknown kind", "nickname", "bob"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, ok, why := asset.Clean(asset.Identifier{Kind: c.kind, Value: c.value})
			require.False(t, ok)
			require.NotEmpty(t, why)
			// and so it joins nothing, even next to another report with the very same value
			d := asset.Description{Zone: "dc1", Identifiers: []asset.Identifier{{Kind: c.kind, Value: c.value}}}
			require.Empty(t, asset.Keys(d, "nessus-dc1"))
			_, err := asset.Resolve(d, "nessus-dc1", nil, epoch)
			require.ErrorIs(t, err, asset.ErrUnidentified)
		})
	}
}

func TestSpellingsOfOneNameMeet(t *testing.T) {
	for _, c := range []struct {
		name        string
		given, want asset.Identifier
	}{
		{"names are lower case without the last dot", asset.Identifier{Kind: asset.FQDN, Value: "WEB1.Example.COM."}, asset.Identifier{Kind: asset.FQDN, Value: "web1.example.com"}},
		{"a name without a domain is a hostname", asset.Identifier{Kind: asset.FQDN, Value: "WEB1"}, asset.Identifier{Kind: asset.Hostname, Value: "web1"}},
		{"an mDNS name is of its own network", asset.Identifier{Kind: asset.FQDN, Value: "printer.local"}, asset.Identifier{Kind: asset.Hostname, Value: "printer.local"}},
		{"an address as a name is an address", asset.Identifier{Kind: asset.FQDN, Value: "10.0.0.5"}, asset.Identifier{Kind: asset.IP, Value: "10.0.0.5"}},
		{"IPv6 is short", asset.Identifier{Kind: asset.IP, Value: "2001:DB8:0:0:0:0:0:1"}, asset.Identifier{Kind: asset.IP, Value: "2001:db8::1"}},
		{"IPv4 in IPv6 is IPv4", asset.Identifier{Kind: asset.IP, Value: "::ffff:10.0.0.5"}, asset.Identifier{Kind: asset.IP, Value: "10.0.0.5"}},
		{"Windows' MAC", asset.Identifier{Kind: asset.MAC, Value: "00-15-5D-01-02-03"}, asset.Identifier{Kind: asset.MAC, Value: "00:15:5d:01:02:03"}},
		{"Cisco's MAC", asset.Identifier{Kind: asset.MAC, Value: "0015.5d01.0203"}, asset.Identifier{Kind: asset.MAC, Value: "00:15:5d:01:02:03"}},
		{"Azure ignores case", asset.Identifier{Kind: asset.CloudResourceID, Scope: "azure", Value: "/Subscriptions/A/resourceGroups/B/"}, asset.Identifier{Kind: asset.CloudResourceID, Scope: "azure", Value: "/subscriptions/a/resourcegroups/b"}},
		{"an ARN keeps its case", asset.Identifier{Kind: asset.CloudResourceID, Scope: "aws", Value: "arn:aws:s3:::Bucket"}, asset.Identifier{Kind: asset.CloudResourceID, Scope: "aws", Value: "arn:aws:s3:::Bucket"}},
		{"an image by its digest", asset.Identifier{Kind: asset.ImageDigest, Value: "docker.io/nginx@sha256:" + strings.Repeat("0A", 32)}, asset.Identifier{Kind: asset.ImageDigest, Value: "sha256:" + strings.Repeat("0a", 32)}},
		{"a repository by URL", asset.Identifier{Kind: asset.RepositoryName, Value: "https://user:secret@GitHub.com/Acme/Web.git"}, asset.Identifier{Kind: asset.RepositoryName, Value: "github.com/acme/web"}},
		{"a repository by SSH", asset.Identifier{Kind: asset.RepositoryName, Value: "git@github.com:acme/web.git"}, asset.Identifier{Kind: asset.RepositoryName, Value: "github.com/acme/web"}},
		{"an origin without its default port", asset.Identifier{Kind: asset.URLOrigin, Value: "HTTPS://Shop.Example.com:443/login?next=/"}, asset.Identifier{Kind: asset.URLOrigin, Value: "https://shop.example.com"}},
		{"an origin with another port", asset.Identifier{Kind: asset.URLOrigin, Value: "http://[2001:db8::1]:8080"}, asset.Identifier{Kind: asset.URLOrigin, Value: "http://[2001:db8::1]:8080"}},
		{"a UUID in braces", asset.Identifier{Kind: asset.BIOSUUID, Value: "{4C4C4544-0051-4D10-8052-B7C04F4E3732}"}, asset.Identifier{Kind: asset.BIOSUUID, Value: "4c4c4544-0051-4d10-8052-b7c04f4e3732"}},
		{"a serial is upper case", asset.Identifier{Kind: asset.SerialNumber, Scope: "Dell Inc.", Value: " 8qmr7n2 "}, asset.Identifier{Kind: asset.SerialNumber, Scope: "dell", Value: "8QMR7N2"}},
		{"a source's own number may repeat a digit", asset.Identifier{Kind: asset.SourceAssetID, Value: "4444"}, asset.Identifier{Kind: asset.SourceAssetID, Value: "4444"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok, why := asset.Clean(c.given)
			require.True(t, ok, why)
			require.Equal(t, c.want, got)
			again, ok, why := asset.Clean(got)
			require.True(t, ok, why)
			require.Equal(t, got, again, "what is clean stays as it is")
		})
	}
}

func FuzzClean(f *testing.F) {
	for _, kind := range []asset.IdentifierKind{asset.FQDN, asset.IP, asset.MAC, asset.URLOrigin, asset.RepositoryName, asset.ImageDigest, asset.BIOSUUID, asset.SerialNumber, asset.CloudResourceID} {
		for _, v := range []string{"web1.example.com", "10.0.0.5", "00:15:5d:01:02:03", "https://[::1]:443/", "git@github.com:a/b.git", "\xff", "sha256:", "{}", "/subscriptions/", "0"} {
			f.Add(string(kind), v)
		}
	}
	f.Fuzz(func(t *testing.T, kind, value string) {
		got, ok, why := asset.Clean(asset.Identifier{Kind: asset.IdentifierKind(kind), Value: value})
		require.Equal(t, ok, why == "")
		if !ok {
			return
		}
		again, ok, why := asset.Clean(got)
		require.True(t, ok, "%q cleans to %q, which is %s", value, got.Value, why)
		require.Equal(t, got, again)
	})
}

func TestOneMakerIsOneScopeOfSerials(t *testing.T) {
	for want, spellings := range map[string][]string{
		"dell":         {"Dell", "Dell Inc.", "DELL INC", " dell,  inc. "},
		"lenovo":       {"LENOVO", "Lenovo", "Lenovo Co., Ltd."},
		"hp":           {"HP", "HP Inc.", "Hewlett-Packard", "Hewlett Packard Company", "HEWLETT-PACKARD CO."},
		"hpe":          {"HPE", "Hewlett Packard Enterprise", "Hewlett-Packard Enterprise Co."},
		"supermicro":   {"Supermicro", "Super Micro Computer, Inc."},
		"asus":         {"ASUSTeK COMPUTER INC.", "ASUS", "ASUSTeK"},
		"msi":          {"Micro-Star International Co., Ltd.", "MSI"},
		"ibm":          {"IBM", "IBM Corp.", "International Business Machines Corporation"},
		"fujitsu":      {"FUJITSU", "Fujitsu Limited"},
		"siemens":      {"Siemens AG", "SIEMENS"},
		"wortmann":     {"WORTMANN AG"},
		"thomas krenn": {"Thomas-Krenn.AG", "Thomas Krenn AG"},
		"amazon com":   {"Amazon.com, Inc."},
		"co":           {"Co."}, // never nothing of something
		"":             {"", "To Be Filled By O.E.M.", "...", "Unknown"},
		"intel r":      {"Intel(R) Corporation"},
	} {
		for _, maker := range spellings {
			clean, ok, why := asset.Clean(asset.Identifier{Kind: asset.SerialNumber, Scope: maker, Value: "ABC1234"})
			require.True(t, ok, why)
			require.Equal(t, want, clean.Scope, maker)
		}
	}
}

func TestCleaningTwiceChangesNothing(t *testing.T) {
	kinds := []asset.IdentifierKind{asset.CloudResourceID, asset.CloudInstanceID, asset.AgentID, asset.SourceAssetID, asset.BIOSUUID, asset.SerialNumber,
		asset.ImageDigest, asset.RepositoryName, asset.URLOrigin, asset.FQDN, asset.MAC, asset.Hostname, asset.IP, asset.Label}
	words := []string{"Hewlett", "Packard", "Enterprise", "Dell", "Inc.", "Co", "Ltd.", "GmbH", "S.A.", "AG", "Corporation", ".", ",", "-", "®", "İ", "ẞ", "Super", "Micro", "Computer"}
	rapid.Check(t, func(rt *rapid.T) {
		given := asset.Identifier{Kind: rapid.SampledFrom(kinds).Draw(rt, "kind"),
			Value: rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"ABC1234", "WEB1.Example.com.", "https://A.example:443/x", "git@GitHub.com:A/B.git", "10.0.0.5"})).Draw(rt, "value"),
			Scope: rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOfN(rapid.SampledFrom(words), 0, 6), func(w []string) string { return strings.Join(w, " ") })).Draw(rt, "scope")}
		once, ok, _ := asset.Clean(given)
		if !ok {
			rt.Skip("junk")
		}
		twice, ok, why := asset.Clean(once)
		require.True(rt, ok, why)
		require.Equal(rt, once, twice)
	})
}
