// Package archtest holds the import table: which package may import which of ours, by name. Its tests fail on any import that the
// table does not grant and on any package that the table does not know, so that a new dependency between two parts of the house
// is a decision which somebody writes down, never an accident.
//
// It also holds what follows from the table but is easier to say on its own: the domain is pure, and nuclei is linked into the
// probe alone.
package archtest
