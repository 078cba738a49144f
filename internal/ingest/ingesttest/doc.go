// Package ingesttest holds ingest to its promise with real reports: what a failed, partial,
// stopped or filtered scan does not report is not gone. It is a package of its own because
// it needs what nothing else may see together: every connector, the pipeline and a store.
package ingesttest
