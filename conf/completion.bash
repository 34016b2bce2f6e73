# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion for gpupt-helper. Commands, options and columns come from the program itself, cards from the host.

_gpupt_helper()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' root='' word i
	local helper=${COMP_WORDS[0]}
	COMPREPLY=()

	# the command is the first word that is neither an option nor an option's argument
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--root) root=${COMP_WORDS[i + 1]-} && ((i++)) ;;
		-o | --output | --output-format) ((i++)) ;;
		-*) ;;
		*) [[ -n $command ]] || command=$word ;;
		esac
	done

	case $prev in
	--root)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--output-format)
		mapfile -t COMPREPLY < <(compgen -W 'json text' -- "$cur")
		return
		;;
	-o | --output)
		# the last of several: what stands before it stays
		local before=''
		[[ $cur == *,* ]] && before=${cur%,*},
		[[ $cur == +* && -z $before ]] && before=+
		mapfile -t COMPREPLY < <(compgen -P "$before" \
			-W "$("$helper" help "${command:-list}" --noheadings -o column 2>/dev/null)" -- "${cur#"$before"}")
		compopt -o nospace
		return
		;;
	esac

	if [[ $cur == -* ]]; then
		# without a command all of them: it may follow
		mapfile -t COMPREPLY < <(compgen -W \
			"$("$helper" help options ${command:+"$command"} 2>/dev/null | grep -oE -- '--?[a-z][a-z-]*')" -- "$cur")
		return
	fi
	if [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$helper" help --noheadings -o command 2>/dev/null)" -- "$cur")
		return
	fi
	# what it takes stands in its synopsis
	local takes words=''
	takes=$("$helper" help --noheadings -o command,arguments 2>/dev/null | sed -n "s/^$command  *//p")
	[[ $takes != *COMMAND* ]] || words+=" $("$helper" help --noheadings -o command 2>/dev/null)"
	[[ $takes != *GPU* ]] || words+=" $("$helper" ${root:+--root "$root"} list --noheadings -o bdf 2>/dev/null)"
	[[ $takes != *VMID* ]] || words+=" $(compgen -G "$root/etc/pve/qemu-server/*.conf" | sed 's,.*/,,; s,\.conf$,,' | sort -n)"
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur"; [[ $takes != *FILE* ]] || compgen -f -- "$cur")
	# a colon ends a word for readline; without this it would be there twice
	if declare -F __ltrim_colon_completions >/dev/null; then
		__ltrim_colon_completions "$cur"
	fi
}
complete -F _gpupt_helper gpupt-helper
