/** A link that GitLab shows on the page of a job. */
export interface JobLink {
  readonly label: string;
  readonly url: string;
}

/** The file of `artifacts:reports:annotations`, as GitLab documents it: one section with these links. */
export const annotationsOf = (links: readonly JobLink[]): string =>
  `${JSON.stringify({ dte: links.map(({ label, url }) => ({ external_link: { label, url } })) })}\n`;
