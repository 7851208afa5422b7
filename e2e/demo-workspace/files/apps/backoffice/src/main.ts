import { serve } from '#http';
import { backoffice } from './backoffice';

serve(backoffice());
