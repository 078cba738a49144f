package ocsfmap

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// Object is a finding of OCSF, category 2, of the versions 1.0 to 1.6 (schema.ocsf.io):
// what later versions added is kept in Vendor until it is known here.
type Object struct {
	Class      wire.Number `json:"class_uid"`
	Category   wire.Number `json:"category_uid"`
	Activity   wire.Number `json:"activity_id"`
	Type       wire.Number `json:"type_uid"`
	Time       wire.Time   `json:"time"`
	TimeDT     wire.Time   `json:"time_dt"`
	EventTime  wire.Time   `json:"event_time"` // of before 1.0
	Message    wire.Text   `json:"message"`
	Severity   wire.Text   `json:"severity"`
	SeverityID wire.Number `json:"severity_id"`
	Status     wire.Text   `json:"status"`
	StatusID   wire.Number `json:"status_id"`
	StatusCode wire.Text   `json:"status_code"`
	Detail     wire.Text   `json:"status_detail"`
	Comment    wire.Text   `json:"comment"`
	Risk       wire.Text   `json:"risk_details"`
	Impact     wire.Text   `json:"impact"`

	Info      Info                      `json:"finding_info"`
	Finding   Info                      `json:"finding"`           // of class 2001
	Incident  wire.List[Info]           `json:"finding_info_list"` // of class 2005
	Metadata  Metadata                  `json:"metadata"`
	Cloud     Cloud                     `json:"cloud"`
	Device    *Device                   `json:"device"`
	Resource  *Resource                 `json:"resource"` // before 1.2
	Resources wire.List[Resource]       `json:"resources"`
	Vulns     wire.List[Vulnerability]  `json:"vulnerabilities"`
	Remedy    Remediation               `json:"remediation"`
	Rules     Compliance                `json:"compliance"`
	Evidences wire.List[map[string]any] `json:"evidences"`
}

// Info is finding_info.
type Info struct {
	UID        wire.Text  `json:"uid"`
	Title      wire.Text  `json:"title"`
	Desc       wire.Text  `json:"desc"`
	Types      wire.Texts `json:"types"`
	URL        wire.Text  `json:"src_url"`
	ProductUID wire.Text  `json:"product_uid"`
	Analytic   Analytic   `json:"analytic"`
	Tags       wire.Texts `json:"attack_tags"`
	Created    wire.Time  `json:"created_time"`
	CreatedDT  wire.Time  `json:"created_time_dt"`
	First      wire.Time  `json:"first_seen_time"`
	FirstDT    wire.Time  `json:"first_seen_time_dt"`
	Last       wire.Time  `json:"last_seen_time"`
	LastDT     wire.Time  `json:"last_seen_time_dt"`
	Modified   wire.Time  `json:"modified_time"`
	ModifiedDT wire.Time  `json:"modified_time_dt"`
}

// Analytic is the rule that found something.
type Analytic struct {
	UID  wire.Text `json:"uid"`
	Name wire.Text `json:"name"`
}

// Metadata says who wrote the object.
type Metadata struct {
	UID       wire.Text `json:"uid"`
	EventCode wire.Text `json:"event_code"`
	Version   wire.Text `json:"version"`
	Product   struct {
		Name    wire.Text `json:"name"`
		Vendor  wire.Text `json:"vendor_name"`
		Version wire.Text `json:"version"`
		UID     wire.Text `json:"uid"`
		Feature Analytic  `json:"feature"`
	} `json:"product"`
}

// Cloud is where the resources are.
type Cloud struct {
	Provider wire.Text `json:"provider"`
	Region   wire.Text `json:"region"`
	Project  wire.Text `json:"project_uid"`
	Account  struct {
		UID    wire.Text  `json:"uid"`
		Name   wire.Text  `json:"name"`
		Labels wire.Texts `json:"labels"`
	} `json:"account"`
}

// Resource is one of the affected resources.
type Resource struct {
	UID       wire.Text           `json:"uid"`
	UIDAlt    wire.Text           `json:"uid_alt"`
	Name      wire.Text           `json:"name"`
	Type      wire.Text           `json:"type"`
	Region    wire.Text           `json:"region"`
	Namespace wire.Text           `json:"namespace"`
	Hostname  wire.Text           `json:"hostname"`
	IP        wire.Text           `json:"ip"`
	Labels    wire.Texts          `json:"labels"` // "key:value"
	Tags      wire.List[KeyValue] `json:"tags"`
	Owner     User                `json:"owner"`
	Data      json.RawMessage     `json:"data"` // an object, or an object as text
	Account   Analytic            `json:"account"`
}

// KeyValue is a tag.
type KeyValue struct {
	Name  wire.Text `json:"name"`
	Key   wire.Text `json:"key"`
	Value wire.Text `json:"value"`
}

// User is who owns something.
type User struct {
	Name  wire.Text `json:"name"`
	Email wire.Text `json:"email_addr"`
	UID   wire.Text `json:"uid"`
}

// Device is a host that was found on.
type Device struct {
	UID         wire.Text `json:"uid"`
	InstanceUID wire.Text `json:"instance_uid"`
	Name        wire.Text `json:"name"`
	Hostname    wire.Text `json:"hostname"`
	Domain      wire.Text `json:"domain"`
	IP          wire.Text `json:"ip"`
	MAC         wire.Text `json:"mac"`
	Region      wire.Text `json:"region"`
	Owner       User      `json:"owner"`
	OS          Analytic  `json:"os"`
	Interfaces  wire.List[struct {
		IP  wire.Text `json:"ip"`
		MAC wire.Text `json:"mac"`
	}] `json:"network_interfaces"`
}

// Vulnerability is one of the vulnerabilities, with the packages or the code it is in.
type Vulnerability struct {
	Title       wire.Text          `json:"title"`
	Desc        wire.Text          `json:"desc"`
	Severity    wire.Text          `json:"severity"`
	References  wire.Texts         `json:"references"`
	CVE         CVE                `json:"cve"`
	Advisory    Analytic           `json:"advisory"`
	CWE         Analytic           `json:"cwe"`
	Exploit     wire.Flag          `json:"is_exploit_available"`
	Packages    wire.List[Package] `json:"affected_packages"`
	OldPackages wire.List[Package] `json:"packages"` // before 1.1
	Code        wire.List[Code]    `json:"affected_code"`
	Remedy      Remediation        `json:"remediation"`
	First       wire.Time          `json:"first_seen_time"`
	FirstDT     wire.Time          `json:"first_seen_time_dt"`
	Last        wire.Time          `json:"last_seen_time"`
	LastDT      wire.Time          `json:"last_seen_time_dt"`
}

// CVE is a vulnerability's public name and what is said of it.
type CVE struct {
	UID        wire.Text           `json:"uid"`
	Desc       wire.Text           `json:"desc"`
	Title      wire.Text           `json:"title"`
	CWE        wire.Text           `json:"cwe_uid"`
	CWEs       wire.List[Analytic] `json:"related_cwes"`
	References wire.Texts          `json:"references"`
	CVSS       wire.List[CVSS]     `json:"cvss"`
	EPSS       struct {
		Score wire.Number `json:"score"`
	} `json:"epss"`
}

// CVSS is one score.
type CVSS struct {
	Vector wire.Text   `json:"vector_string"`
	Score  wire.Number `json:"base_score"`
	Vendor wire.Text   `json:"vendor_name"`
	Source wire.Text   `json:"src_url"`
}

// Package is affected software.
type Package struct {
	Name    wire.Text `json:"name"`
	Version wire.Text `json:"version"`
	Release wire.Text `json:"release"`
	Fixed   wire.Text `json:"fixed_in_version"`
	PURL    wire.Text `json:"purl"`
	Path    wire.Text `json:"path"`
	Manager wire.Text `json:"package_manager"`
}

// Code is an affected file.
type Code struct {
	File struct {
		Path wire.Text `json:"path"`
		Name wire.Text `json:"name"`
	} `json:"file"`
}

// Remediation is what to do.
type Remediation struct {
	Desc       wire.Text  `json:"desc"`
	References wire.Texts `json:"references"`
}

// Compliance is a rule and whether it is kept.
type Compliance struct {
	Control      wire.Text   `json:"control"`
	Requirements wire.Texts  `json:"requirements"`
	Standards    wire.Texts  `json:"standards"`
	Status       wire.Text   `json:"status"`
	StatusID     wire.Number `json:"status_id"`
	StatusCode   wire.Text   `json:"status_code"`
	Detail       wire.Text   `json:"status_detail"`
}
