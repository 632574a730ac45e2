#!/bin/sh
# Publishes the five modes into one folder, what they share once. Fails where two of them bring different files of one name.
set -eu

out=${1:?usage: publish.sh FOLDER}
root=$(cd "$(dirname "$0")/.." && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$out"

for project in ScaiGrid.Api ScaiGrid.Grpc ScaiGrid.Worker ScaiGrid.Migrator ScaiGrid.BunkerProxy; do
    # No native launcher and no web.config: the entry point runs the dlls, and IIS is not one of our hosts.
    dotnet publish "$root/$project/$project.csproj" --configuration Release --output "$stage/$project" --verbosity quiet --nologo \
        -p:UseAspire=false -p:UseAppHost=false -p:IsTransformWebConfigDisabled=true -p:DebugType=embedded -p:PublishDocumentationFiles=false -p:PublishReferencesDocumentationFiles=false
    (cd "$stage/$project" && find . -type f) | while read -r file; do
        if [ -e "$out/$file" ] && ! cmp -s "$stage/$project/$file" "$out/$file"; then
            echo "$project: $file differs from the one that another mode brought." >&2
            exit 1
        fi
    done
    cp -R "$stage/$project/." "$out/"
done
