// Package dataplane joins ports, the SCTP core and applications.
package dataplane
