// SPDX-License-Identifier: LGPL-2.1-or-later
const char *version(void);

const char *version(void)
{
	return "6.1.0";
}
