// SPDX-License-Identifier: LGPL-2.1-or-later
int hello_init(void);

int hello_init(void)
{
	return 0;
}
