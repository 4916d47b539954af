package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOriginIsNeverEmpty(t *testing.T) {
	require.Equal(t, "unknown", CPUInfo("no such field"))
	require.NotEmpty(t, CPUInfo("processor"))
	require.NotEmpty(t, Commit())
	t.Chdir(t.TempDir())
	require.Equal(t, "unknown", Commit())
}
