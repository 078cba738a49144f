package generic

import "strings"

// field is a column, or a field of a finding, under the name that we give it.
type field string

const (
	fieldUID         field = "uid"
	fieldCheck       field = "check"
	fieldTitle       field = "title"
	fieldDescription field = "description"
	fieldImpact      field = "impact"
	fieldRemediation field = "remediation"
	fieldSeverity    field = "severity"
	fieldStatus      field = "status"
	fieldAsset       field = "asset"
	fieldKind        field = "kind"
	fieldHost        field = "host"
	fieldIP          field = "ip"
	fieldURL         field = "url"
	fieldEndpoints   field = "endpoints"
	fieldPort        field = "port"
	fieldProtocol    field = "protocol"
	fieldLocation    field = "location"
	fieldFile        field = "file_path"
	fieldPURL        field = "purl"
	fieldComponent   field = "component_name"
	fieldVersion     field = "component_version"
	fieldFixedIn     field = "fixed_in"
	fieldCVE         field = "cve"
	fieldCWE         field = "cwe"
	fieldAdvisory    field = "advisory"
	fieldVector      field = "cvss_vector"
	fieldScore       field = "cvss_score"
	fieldEPSS        field = "epss"
	fieldExploit     field = "exploit"
	fieldEvidence    field = "evidence"
	fieldReferences  field = "references"
	fieldTags        field = "tags"
	fieldOwner       field = "owner"
	fieldFirstSeen   field = "first_seen"
	fieldLastSeen    field = "last_seen"
	fieldToolID      field = "vuln_id_from_tool"
	fieldActive      field = "active"
	fieldMitigated   field = "is_mitigated"
	fieldFalse       field = "false_p"
	fieldAccepted    field = "risk_accepted"
	fieldDuplicate   field = "duplicate"
	fieldIgnored     field = "ignored" // known, and of no use to us
)

// canonical finds the field of a name, in whichever spelling: file_path, FilePath and
// "File path" are one. Empty if there is none.
func canonical(name string) field {
	return byName[strings.Map(func(c rune) rune {
		switch {
		case c == '_', c == '-', c == ' ':
			return -1
		case c >= 'A' && c <= 'Z':
			return c | 0x20
		}
		return c
	}, name)]
}

// byName are the fields by their names and those of DefectDojo, without separators.
var byName = map[string]field{
	"uid": fieldUID, "uniqueidfromtool": fieldUID, "check": fieldCheck, "title": fieldTitle, "description": fieldDescription,
	"impact": fieldImpact, "remediation": fieldRemediation, "mitigation": fieldRemediation, "severity": fieldSeverity, "status": fieldStatus,
	"asset": fieldAsset, "service": fieldAsset, "kind": fieldKind, "host": fieldHost, "hostname": fieldHost, "fqdn": fieldHost, "ip": fieldIP,
	"url": fieldURL, "target": fieldURL, "endpoints": fieldEndpoints, "endpoint": fieldEndpoints, "port": fieldPort, "protocol": fieldProtocol,
	"location": fieldLocation, "filepath": fieldFile, "path": fieldFile, "purl": fieldPURL, "componentname": fieldComponent, "package": fieldComponent,
	"componentversion": fieldVersion, "version": fieldVersion, "fixedin": fieldFixedIn, "fixversion": fieldFixedIn,
	"cve": fieldCVE, "cves": fieldCVE, "vulnerabilityids": fieldCVE, "cwe": fieldCWE, "cweid": fieldCWE, "cwes": fieldCWE, "advisory": fieldAdvisory, "advisories": fieldAdvisory,
	"cvssvector": fieldVector, "cvssv3": fieldVector, "cvssv4": fieldVector, "cvssscore": fieldScore, "cvssv3score": fieldScore, "cvssv4score": fieldScore,
	"epss": fieldEPSS, "epssscore": fieldEPSS, "exploit": fieldExploit, "evidence": fieldEvidence, "references": fieldReferences, "reference": fieldReferences,
	"tags": fieldTags, "owner": fieldOwner, "firstseen": fieldFirstSeen, "date": fieldFirstSeen, "lastseen": fieldLastSeen, "vulnidfromtool": fieldToolID,
	"active": fieldActive, "ismitigated": fieldMitigated, "falsep": fieldFalse, "falsepositive": fieldFalse, "riskaccepted": fieldAccepted, "duplicate": fieldDuplicate,
	// what DefectDojo also writes
	"verified": fieldIgnored, "line": fieldIgnored, "mitigated": fieldIgnored, "mitigateddate": fieldIgnored, "mitigatedby": fieldIgnored, "stepstoreproduce": fieldIgnored, "severityjustification": fieldIgnored,
	"staticfinding": fieldIgnored, "dynamicfinding": fieldIgnored, "nboccurences": fieldIgnored, "nboccurrences": fieldIgnored, "outofscope": fieldIgnored,
	"epsspercentile": fieldIgnored, "fixavailable": fieldIgnored, "publishdate": fieldIgnored, "numericalseverity": fieldIgnored, "threadid": fieldIgnored,
	"planneddremediationdate": fieldIgnored, "plannedremediationdate": fieldIgnored, "effortforfixing": fieldIgnored, "hashcode": fieldIgnored, "scannerconfidence": fieldIgnored,
	"knownexploited": fieldIgnored, "ransomwareused": fieldIgnored, "kevdate": fieldIgnored, "sastsourceobject": fieldIgnored, "sastsinkobject": fieldIgnored,
	"sastsourceline": fieldIgnored, "sastsourcefilepath": fieldIgnored, "param": fieldIgnored, "payload": fieldIgnored, "files": fieldIgnored, "underreview": fieldIgnored,
}

// isList reports whether a field holds several values.
func (f field) isList() bool {
	switch f {
	case fieldCVE, fieldCWE, fieldAdvisory, fieldReferences, fieldTags, fieldEndpoints:
		return true
	default:
		return false
	}
}

// item is a finding as its fields say it.
type item struct {
	text   map[field]string
	list   map[field][]string
	object *assetEntry // the finding's own description of its asset
}

func (it *item) clear() {
	if it.text == nil {
		it.text, it.list = map[field]string{}, map[field][]string{}
	}
	clear(it.text)
	clear(it.list)
	it.object = nil
}

// yes reports whether a field says true.
func (it *item) yes(f field) bool { return truth(it.text[f]) == 1 }

// truth is 1 for true, -1 for false, 0 for neither.
func truth(text string) int {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "yes", "1", "y", "t":
		return 1
	case "false", "no", "0", "n", "f":
		return -1
	}
	return 0
}
