package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The images are described by dockerfile; builderScript gives what they are built in.
const (
	dockerfile    = "docker/Dockerfile"
	builderScript = "docker/builder.sh"
	buildLabel    = "trunkline=build" // of the stage that compiles
)

// registryPatience is how long the registry may take to say whether it has the builder.
const registryPatience = 20 * time.Second

// builders matches the Dockerfile's arguments that say what it is built in.
var (
	builderArg  = regexp.MustCompile(`(?m)^ARG BUILDER=(\S+)$`)
	packagesArg = regexp.MustCompile(`(?m)^ARG PACKAGES="([^"]+)"$`)
)

// buildImages makes the images of the nodes.
func (e *docker) buildImages(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(e.root, dockerfile))
	if err != nil {
		return err
	}
	builder, packages := builderArg.FindSubmatch(text), packagesArg.FindSubmatch(text)
	if builder == nil || packages == nil {
		return fmt.Errorf("%s has no ARG BUILDER and PACKAGES", dockerfile)
	}
	e.undo("image", "prune", "-f", "--filter", "label="+buildLabel) // what is left of the stages has no name
	build := e.buildHere
	if e.debootstrap || !e.hasImage(ctx, string(builder[1])) {
		if err := e.makeBuilder(ctx, string(builder[1]), strings.Fields(string(packages[1]))); err != nil {
			return fmt.Errorf("docker: %w: no builder can be had: %w", errUnavailable, err)
		}
		build = e.buildOffline
	}
	e.say("building the images")
	for _, target := range []string{"peer", "plain", "trunkline"} {
		if err := build(ctx, target); err != nil {
			return err
		}
		e.undo("image", "rm", e.image(target))
	}
	size, err := e.run(ctx, "image", "inspect", "-f", "{{.Size}}", e.image("trunkline"))
	if err != nil {
		return err
	}
	e.size, err = strconv.ParseInt(size, 10, 64)
	return err
}

// hasImage is whether an image is here or can be had.
func (e *docker) hasImage(ctx context.Context, name string) bool {
	if _, err := e.run(ctx, "image", "inspect", name); err == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, registryPatience)
	defer cancel()
	_, err := e.run(ctx, "manifest", "inspect", name)
	return err == nil
}

// buildHere builds as anybody does, with modules and packages from the network.
func (e *docker) buildHere(ctx context.Context, target string) error {
	_, err := e.run(ctx, "build", "-q", "-f", filepath.Join(e.root, dockerfile), "--target", target, "-t", e.image(target), e.root)
	return err
}

// builderImage is the builder that makeBuilder makes.
func (e *docker) builderImage() string { return e.image("builder") }

// makeBuilder imports a builder that was made here, with packages and this machine's Go: of its
// own packages, or with debootstrap where they are not installed.
func (e *docker) makeBuilder(ctx context.Context, instead string, packages []string) error {
	dir, err := os.MkdirTemp("", "trunkline-base-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	base := filepath.Join(dir, "base.tar")
	if e.debootstrap {
		err = errors.New("as asked")
	} else {
		e.say("no registry answers for %s: making a builder of this machine's packages", instead)
		_, err = command(ctx, "sh", append([]string{"-c", `"$0" "$@" >` + base, filepath.Join(e.root, builderScript)}, packages...)...)
	}
	if err != nil {
		e.say("making a builder with debootstrap: %v", err)
		if err := bootstrap(ctx, dir, base, packages); err != nil {
			return err
		}
	}
	goroot, err := command(ctx, "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	if _, err := e.run(ctx, "import", "--change", "ENV PATH="+goroot+"/bin:/usr/sbin:/usr/bin:/sbin:/bin", base, e.builderImage()); err != nil {
		return err
	}
	e.undo("image", "rm", e.builderImage())
	return nil
}

// bootstrap writes a tar of this machine's release of Debian with packages and this machine's Go.
func bootstrap(ctx context.Context, dir, base string, packages []string) error {
	if os.Geteuid() != 0 {
		return errors.New("debootstrap needs root; or have docker reach a registry")
	}
	if _, err := exec.LookPath("debootstrap"); err != nil {
		return errors.New("there is no debootstrap; apt-get install debootstrap")
	}
	suite, err := command(ctx, "sh", "-c", ". /etc/os-release; echo $VERSION_CODENAME")
	if err != nil {
		return err
	}
	root := filepath.Join(dir, "root")
	debootstrap := exec.CommandContext(ctx, "debootstrap", append([]string{"--variant=minbase", "--include=" + strings.Join(packages, ","), suite, root}, mirror(ctx)...)...)
	debootstrap.Env = append(os.Environ(), proxy(ctx)...)
	if _, err := runCommand(debootstrap); err != nil {
		return err
	}
	goroot, err := command(ctx, "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	_, err = command(ctx, "tar", "-c", "-f", base, "-C", root, ".", "-C", "/", strings.TrimPrefix(goroot, "/"))
	return err
}

// mirror is where this machine's apt gets Debian from, if it says so.
func mirror(ctx context.Context) []string {
	out, err := command(ctx, "apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", "Label: Debian", "Component: main")
	if site, _, _ := strings.Cut(out, "\n"); err == nil && site != "" {
		return []string{site}
	}
	return nil
}

// proxy is the proxy of this machine's apt, as other programs take it.
func proxy(ctx context.Context) []string {
	out, err := command(ctx, "apt-config", "shell", "proxy", "Acquire::http::Proxy")
	if value, ok := strings.CutPrefix(out, "proxy='"); err == nil && ok {
		return []string{"http_proxy=" + strings.TrimSuffix(value, "'")}
	}
	return nil
}

// buildOffline builds in makeBuilder's image, with the modules of this machine, and so needs no
// network.
func (e *docker) buildOffline(ctx context.Context, target string) error {
	dir, err := os.MkdirTemp("", "trunkline-vendor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	vendor := exec.CommandContext(ctx, "go", "mod", "vendor", "-o", filepath.Join(dir, "vendor"))
	vendor.Dir = e.root
	if _, err := runCommand(vendor); err != nil {
		return err
	}
	const script = `tar -c -C "$0" --exclude=./.git --exclude=./bin . -C "$1" vendor |
docker build -q --network none --build-arg BUILDER="$2" --target "$3" -t "$4" -f ` + dockerfile + ` -`
	build := exec.CommandContext(ctx, "sh", "-c", script, e.root, dir, e.builderImage(), target, e.image(target))
	build.Env = append(e.env, "DOCKER_BUILDKIT=0") // the older builder is in every engine
	_, err = runCommand(build)
	return err
}
