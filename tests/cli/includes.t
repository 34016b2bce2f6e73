#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Layers: includes point down, policy does no I/O. The rest of the lint is for `make check-lint`.
exec "$(dirname "$0")/../lint" includes policy
