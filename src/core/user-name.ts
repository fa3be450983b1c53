// What users of the authorization server type as their name. Not told apart by upper and lower case.

/** The form that names are stored and looked up in. */
export function userNameKey(name: string): string {
  return name.trim().toLowerCase();
}
