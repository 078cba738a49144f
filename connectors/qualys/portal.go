package qualys

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/asset"
)

// portal reads an answer of the portal's API: host assets, web applications, and findings
// of web application scanning.
func (d *decoding) portal(e *report.Emitter, r *xmlpull.Reader) error {
	known, count := false, ""
	for at := r.Depth(); r.Child(at); {
		switch string(r.Name()) {
		case "count":
			count = string(r.Text(32))
		case "data":
			for data := r.Depth(); r.Child(data); {
				name := string(r.Name())
				n, whole := r.Tree(largestFinding)
				if !r.OK() {
					return nil
				}
				var err error
				switch {
				case name != "HostAsset" && name != "WebApp" && name != "Finding":
					continue
				case !whole:
					e.Skip("element_too_large")
				case name == "HostAsset":
					err = d.hostAsset(e, n)
				case name == "WebApp":
					err = d.application(e, n)
				default:
					err = d.webFinding(e, n)
				}
				if known = true; err != nil {
					return err
				}
			}
		}
	}
	if r.Err() == nil && !known && strings.TrimSpace(count) != "0" {
		return report.Unknown(xmlFormat, "this answer holds neither assets nor findings")
	}
	return nil
}

func (d *decoding) hostAsset(e *report.Emitter, n *xmlpull.Node) error {
	cards := n.All("networkInterface/list/HostAssetInterface")
	names := append(make([]string, 0, 3+len(cards)), n.Get("fqdn"), n.Get("dnsHostName"), n.Get("netbiosName"))
	ips := append(make([]string, 0, 1+len(cards)), n.Get("address"))
	macs := make([]string, 0, len(cards))
	for _, i := range cards {
		names = append(names, i.Get("hostname"))
		ips = append(ips, i.Get("address"))
		macs = append(macs, i.Get("macAddress"))
	}
	desc := &asset.Description{
		Kind: asset.Host, OS: n.Get("os"), Zone: d.zone(n.Get("networkGuid")),
		Name:   cmp.Or(n.Get("fqdn"), n.Get("dnsHostName"), n.Get("netbiosName"), n.Get("name"), n.Get("address"), n.Get("id")),
		SeenAt: cmpTime(moment(n.Get("agentInfo/lastCheckedIn")), moment(n.Get("lastVulnScan")), moment(n.Get("modified"))),
	}
	tags := map[string]string{}
	label(tags, n.All("tags/list/TagSimple"), "name")
	for _, ec2 := range n.All("sourceInfo/list/Ec2AssetSourceSimple") {
		region := cmp.Or(ec2.Get("region"), connectors.AWSRegion(ec2.Get("availabilityZone")))
		desc.Identifiers = append(desc.Identifiers, connectors.AWSInstance(ec2.Get("accountId"), region, ec2.Get("instanceId"))...)
		names = append(names, ec2.Get("privateDnsName"))
		desc.Gone = desc.Gone || strings.EqualFold(ec2.Get("instanceState"), "TERMINATED")
		for _, t := range ec2.All("ec2InstanceTags/tags/list/EC2Tags") {
			tags[t.Get("key")] = t.Get("value")
		}
	}
	for _, vm := range n.All("sourceInfo/list/AzureAssetSourceSimple") {
		desc.Identifiers = append(desc.Identifiers, connectors.AzureVM("", vm.Get("vmId"))...)
	}
	for _, vm := range n.All("sourceInfo/list/GcpAssetSourceSimple") {
		desc.Identifiers = append(desc.Identifiers, connectors.GCPInstance(vm.Get("projectId"), vm.Get("instanceId"))...)
	}
	delete(tags, "")
	desc.Identifiers = append(desc.Identifiers, numbers(n.Get("qwebHostId"), n.Get("id"), n.Get("agentInfo/agentId"))...)
	desc.Identifiers = append(desc.Identifiers, connectors.HostIdentifiers(desc.Zone, names, ips, macs)...)
	desc.Tags, desc.OwnerHints = connectors.SplitTags(tags)
	if !identified(desc, "") {
		e.Skip("asset_without_name")
		return nil
	}
	d.saw(desc.SeenAt)
	return e.Asset(desc)
}

func appOf(n *xmlpull.Node) *webApp {
	a := &webApp{id: n.Get("id"), name: n.Get("name"), url: n.Get("url"), tags: map[string]string{}}
	if user := n.At("owner"); user != nil {
		a.owner = strings.TrimSpace(cmp.Or(user.Get("username"), strings.TrimSpace(user.Get("firstName")+" "+user.Get("lastName"))))
	}
	label(a.tags, n.All("tags/list/Tag"), "name")
	return a
}

func (d *decoding) application(e *report.Emitter, n *xmlpull.Node) error {
	app := appOf(n)
	desc := d.webAsset(app, app.url)
	desc.SeenAt = moment(n.Get("updatedDate"))
	if !identified(desc, app.name) {
		e.Skip("asset_without_name")
		return nil
	}
	d.saw(desc.SeenAt)
	return e.Asset(desc)
}

// mappedPortal are the elements of a portal's finding that have a place of ours.
var mappedPortal = []string{ //nolint:gochecknoglobals // a constant table
	"uniqueId", "qid", "name", "severity", "url", "status", "firstDetectedDate", "lastDetectedDate", "lastTestedDate", "fixedDate", "isIgnored", "webApp", "cwe", "resultList",
}

func (d *decoding) webFinding(e *report.Emitter, n *xmlpull.Node) error {
	app := &webApp{}
	if w := n.At("webApp"); w != nil {
		app = appOf(w)
	}
	desc := d.webAsset(app, cmp.Or(n.Get("url"), app.url))
	if n.Get("qid") == "" || !identified(desc, app.name) {
		e.Skip("finding_without_qid")
		return nil
	}
	address := connectors.ParseAddress(n.Get("url"))
	w := &draft{
		qid: n.Get("qid"), severity: n.Get("severity"), status: n.Get("status"), uid: connectors.Ident(n.Get("uniqueId")), target: address.Without(n.Get("url")),
		firstFound: moment(n.Get("firstDetectedDate")), lastFound: moment(n.Get("lastDetectedDate")), lastTested: moment(n.Get("lastTestedDate")), lastFixed: moment(n.Get("fixedDate")),
		ignored: truth(n.Get("isIgnored"), "ignored") != "", vendor: n.Fields(mappedPortal...),
	}
	if n.Get("type") == "INFORMATION_GATHERED" {
		w.kind = "info"
	}
	if n.Get("url") != "" {
		w.location = address.Location()
	}
	k := &detail{title: n.Get("name"), cwes: n.Gets("cwe/list/long")}
	k.addScore(n.Get("cvssV3/base"), n.Get("cvssV3/attackVector"), "CVSS:3.0/", "3.0")
	k.cwes = slices.Clone(k.cwes)
	return e.Observe(desc, d.finding(w, k))
}
